// The config of an image: its id is the digest of these bytes, so they must never change.
#include "image/image_config.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::image {
namespace {

ImageConfig full_config() {
  ImageConfig config;
  config.created = "2024-01-02T03:04:05Z";
  config.author = "A <a@example.com>";
  config.comment = "c";
  config.config.hostname = "h";
  config.config.domainname = "d";
  config.platform = {
      .os = "linux", .architecture = "arm", .variant = "v7", .os_version = "", .os_features = {}};
  config.config.user = "1000:100";
  config.config.exposed_ports = {"53/udp", "80/tcp"};
  config.config.env = {"PATH=/bin", "A=b c"};
  config.config.entrypoint = {{"/init"}};
  config.config.cmd = {{"sh", "-c", "true && false"}};
  config.config.volumes = {"/data"};
  config.config.working_dir = "/w";
  config.config.labels = {{"b", "2"}, {"a", ""}};
  config.config.stop_signal = "SIGTERM";
  Healthcheck healthcheck;
  healthcheck.test = {"CMD", "x"};
  healthcheck.interval = std::chrono::seconds(5);
  healthcheck.retries = 3;
  config.config.healthcheck = healthcheck;
  config.config.shell = {"/bin/bash", "-c"};
  config.config.on_build = {"RUN x"};
  config.diff_ids = {{Digest::parse("sha256:" + std::string(64, 'a'))}};
  config.history = {
      {.created = "2024-01-02T03:04:05Z",
       .created_by = "COPY a /",
       .author = "",
       .comment = "c",
       .empty_layer = false},
      {.created = "", .created_by = "ENV A=b c", .author = "", .comment = "", .empty_layer = true}};
  return config;
}

TEST(ImageConfig, TheBytesOfAFullConfigNeverChange) {
  EXPECT_EQ(full_config().json(),
            R"({"created":"2024-01-02T03:04:05Z","author":"A \u003ca@example.com\u003e",)"
            R"("comment":"c","architecture":"arm","variant":"v7","os":"linux",)"
            R"("config":{"Hostname":"h","Domainname":"d","User":"1000:100",)"
            R"("ExposedPorts":{"53/udp":{},"80/tcp":{}},"Env":["PATH=/bin","A=b c"],)"
            R"("Entrypoint":["/init"],"Cmd":["sh","-c","true \u0026\u0026 false"],)"
            R"("Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"a":"","b":"2"},)"
            R"("StopSignal":"SIGTERM","Healthcheck":{"Test":["CMD","x"],"Interval":5000000000,)"
            R"("Retries":3},"Shell":["/bin/bash","-c"],"OnBuild":["RUN x"]},)"
            R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
                std::string(64, 'a') +
                R"("]},"history":[{"created":"2024-01-02T03:04:05Z","created_by":"COPY a /",)"
                R"("comment":"c"},{"created_by":"ENV A=b c","empty_layer":true}]})");
}

TEST(ImageConfig, TheSmallestOne) {
  ImageConfig config;
  config.platform.os = "linux";
  config.platform.architecture = "amd64";
  EXPECT_EQ(config.json(), R"({"architecture":"amd64","os":"linux","config":{},)"
                           R"("rootfs":{"type":"layers","diff_ids":[]}})");
}

TEST(ImageConfig, RoundTrip) {
  const ImageConfig config = full_config();
  EXPECT_EQ(ImageConfig::parse(config.json()), config);
  EXPECT_EQ(ImageConfig::parse(config.json()).json(), config.json());
  EXPECT_EQ(ImageConfig::parse(ImageConfig().json()), ImageConfig());
}

TEST(ImageConfig, ReadsWhatDockerWrites) {
  const ImageConfig config = ImageConfig::parse(R"({
    "architecture": "arm64", "variant": "v8", "os": "linux", "docker_version": "20.10.7",
    "container": "abc", "container_config": {"Cmd": null},
    "config": {"Hostname": "", "AttachStdin": false, "Env": ["A=b"], "Cmd": null,
               "Entrypoint": [], "ArgsEscaped": true, "Volumes": null, "Labels": null,
               "Healthcheck": {"Test": ["NONE"]}},
    "rootfs": {"type": "layers", "diff_ids": null}, "history": null})");
  EXPECT_EQ(config.platform.variant, "v8");
  EXPECT_EQ(config.config.env, std::vector<std::string>{"A=b"});
  EXPECT_FALSE(config.config.cmd);
  EXPECT_FALSE(config.config.entrypoint);  // an empty list says nothing
  EXPECT_EQ(config.config.healthcheck->test, std::vector<std::string>{"NONE"});
}

TEST(ImageConfig, WrongTypesAndBadDigestsAreErrors) {
  for (const char* text :
       {"[]", "null", R"({"os":1})", R"({"config":[]})", R"({"config":{"Env":"A=b"}})",
        R"({"config":{"Env":[1]}})", R"({"config":{"Labels":{"a":1}}})",
        R"({"config":{"Cmd":"sh"}})", R"({"config":{"ExposedPorts":["80/tcp"]}})",
        R"({"config":{"Healthcheck":{"Retries":4294967297}}})",
        R"({"config":{"Healthcheck":{"Interval":1.5}}})", R"({"rootfs":{"diff_ids":["sha256:1"]}})",
        R"({"rootfs":{"diff_ids":"x"}})", R"({"history":[1]})",
        R"({"history":[{"empty_layer":"yes"}]})", R"({"os":"linux","os":"linux"})", "{}x"}) {
    EXPECT_THROW(ImageConfig::parse(text), base::Error) << text;
  }
}

TEST(ImageConfig, MoreThanFourMebibytesAreRefused) {
  EXPECT_THROW(ImageConfig::parse("{}" + std::string(4 << 20, ' ')), base::Error);
}

TEST(FormatTime, IsRfc3339InUtc) {
  using std::chrono::seconds;
  EXPECT_EQ(format_time(std::chrono::sys_seconds(seconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(std::chrono::sys_seconds(seconds(1'709'210'096))), "2024-02-29T12:34:56Z");
}

TEST(ImageConfig, TimesAreReadInEachForm) {
  const auto seconds = [](std::string_view text) {
    const auto time = parse_time(text);
    return time ? time->time_since_epoch().count() : -1;
  };
  EXPECT_EQ(seconds("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(seconds("2001-09-09T01:46:40Z"), 1000000000);
  EXPECT_EQ(seconds("2001-09-09T01:46:40.123456789Z"), 1000000000);
  EXPECT_EQ(seconds("2001-09-09T03:46:40+02:00"), 1000000000);
  EXPECT_EQ(seconds("2001-09-08T20:16:40.5-05:30"), 1000000000);
  for (const char* none : {"", "2001-09-09", "2001-09-09T01:46:40", "2001-09-09T01:46:40z",
                           "2001-09-09T01:46:40+2", "2001-09-09T01:46:40+02:00x"}) {
    EXPECT_FALSE(parse_time(none)) << none;
  }
}

}  // namespace
}  // namespace bld::image
