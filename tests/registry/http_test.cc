// Servers that do not end, or not as they said they would.
#include "registry/http.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stop_token>
#include <string>
#include <thread>

#include "base/error.h"
#include "tests/support/http_server.h"

namespace bld::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::HttpPeer;
using test::HttpServer;

HttpOptions plain() {
  HttpOptions options;
  options.verify_tls = false;
  options.first_pause = milliseconds(1);
  options.tries = 3;
  return options;
}

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = Url::parse(url);
  return request;
}

std::string error_of_get(const HttpServer& server, std::size_t limit = 1000) {
  Http http(plain());
  try {
    http.send(get(server.url()), limit);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

// Requests `url` and asks for an end 200 ms later; says how long that took from then on.
steady_clock::duration time_to_cancel(const HttpServer& server, HttpOptions options) {
  std::stop_source stop;
  options.stop = stop.get_token();
  Http http(options);
  steady_clock::time_point asked;
  std::thread canceler([&] {
    std::this_thread::sleep_for(milliseconds(200));
    asked = steady_clock::now();
    stop.request_stop();
  });
  std::string error;
  try {
    http.send(get(server.url()), 1000);
  } catch (const base::Error& thrown) {
    error = thrown.what();
  }
  const auto ended = steady_clock::now();
  canceler.join();
  EXPECT_NE(error.find("canceled"), std::string::npos) << error;
  return ended - asked;
}

TEST(Http, BodyAndContentTypeArrive) {
  const HttpServer server([](HttpPeer& peer, const std::string& head) {
    EXPECT_EQ(head.find("Accept-Encoding"), std::string::npos);
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: a/b; c=d\r\nContent-Length: 4\r\n\r\nbody");
  });
  Http http(plain());
  const HttpResponse response = http.send(get(server.url()), 4);
  EXPECT_EQ(response.body, "body");
  EXPECT_EQ(response.header("content-type"), "a/b; c=d");
}

TEST(Http, LongBodyIsCut) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    if (!peer.send("HTTP/1.1 200 OK\r\n\r\n")) return;
    while (peer.send(std::string(10000, 'x'))) {
    }
  });
  EXPECT_NE(error_of_get(server), "");
  EXPECT_EQ(server.requests(), 1);
}

TEST(Http, ShortBodyIsAnErrorAfterRetries) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
  });
  EXPECT_NE(error_of_get(server), "");
  EXPECT_EQ(server.requests(), 3);
}

TEST(Http, ManyHeadersAreRefused) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 200; ++i) peer.send("X-" + std::to_string(i) + ": y\r\n");
    peer.send("Content-Length: 0\r\n\r\n");
  });
  EXPECT_NE(error_of_get(server).find("too many headers"), std::string::npos);
}

TEST(Http, LongHeadersAreRefused) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 9; ++i) peer.send("X: " + std::string(8000, 'y') + "\r\n");
    peer.send("Content-Length: 0\r\n\r\n");
  });
  EXPECT_NE(error_of_get(server).find("too many headers"), std::string::npos);
}

TEST(Http, InterimAnswersEnd) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    for (int i = 0; i < 500'000; ++i) {
      if (!peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")) return;
    }
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_NE(error_of_get(server).find("too many headers"), std::string::npos);
}

TEST(Http, TrailersEnd) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n");
    for (int i = 0; i < 500'000; ++i) {
      if (!peer.send("X-Trailer: and another one\r\n")) return;
    }
    peer.send("\r\n");
  });
  EXPECT_NE(error_of_get(server).find("too many headers"), std::string::npos);
}

TEST(Http, SilenceBeforeTheAnswerIsCanceled) {
  const HttpServer server([](HttpPeer& peer, const std::string&) { peer.be_silent(); });
  EXPECT_LT(time_to_cancel(server, plain()), seconds(1));
}

TEST(Http, SilenceInTheBodyIsCanceled) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx");
    peer.be_silent();
  });
  EXPECT_LT(time_to_cancel(server, plain()), seconds(1));
}

TEST(Http, PauseBetweenTriesIsCanceled) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 429 Slow Down\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_LT(time_to_cancel(server, plain()), seconds(1));
}

TEST(Http, TimeoutEndsAnAnswerThatDrips) {
  const HttpServer server([](HttpPeer& peer, const std::string&) {
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send("x")) std::this_thread::sleep_for(milliseconds(100));
  });
  HttpRequest request = get(server.url());
  request.timeout = seconds(1);
  request.retry = false;
  Http http(plain());
  const auto start = steady_clock::now();
  EXPECT_THROW(http.send(request, 1000), BrokenConnection);
  EXPECT_LT(steady_clock::now() - start, seconds(3));
}

TEST(Http, AnswerOfAProxyIsNotTheServers) {
  const HttpServer proxy([](HttpPeer& peer, const std::string& head) {
    EXPECT_TRUE(head.starts_with("CONNECT registry.example:443 ")) << head;
    peer.send("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n");
  });
  ::setenv("https_proxy", proxy.url().c_str(), 1);
  Http http(plain());
  EXPECT_THROW(http.open(get("https://registry.example/v2/")), BrokenConnection);
  ::unsetenv("https_proxy");
  EXPECT_GE(proxy.requests(), 1);
}

TEST(Http, PlainHttpIsRefusedWhenVerifying) {
  const HttpServer server([](HttpPeer&, const std::string&) {});
  HttpOptions options = plain();
  options.verify_tls = true;
  Http http(options);
  EXPECT_THROW(http.send(get(server.url()), 1000), base::Error);
  EXPECT_EQ(server.requests(), 0);
}

}  // namespace
}  // namespace bld::registry
