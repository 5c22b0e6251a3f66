// bld login, bld logout
#include "registry/login.h"

#include <termios.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

using base::Error;

constexpr std::size_t kMaxAnswer = 64 << 10;

// A line of standard input; at its end, what there is.
std::string read_line() {
  std::string line;
  for (char c = '\0'; line.size() < kMaxAnswer && ::read(STDIN_FILENO, &c, 1) == 1;) {
    if (c == '\n') break;
    line += c;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string ask(std::string_view question) {
  print_error(question);
  return read_line();
}

// The terminal shows nothing of the answer, and is as before afterwards.
std::string ask_secret(std::string_view question) {
  struct termios before = {};
  const bool can_hide = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (can_hide) {
    struct termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::string answer = ask(question);
  if (can_hide) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    print_error("\n");
  }
  return answer;
}

std::string host_of(const std::string& text) { return text.substr(0, text.find('/')); }

// For whom credentials are: "HOST", or what is below "HOST/NAMESPACE". "https://HOST/v2/" and
// "docker://HOST/" are what people paste for a host.
std::string key_of(std::string text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string::npos) {
    return host_of(text.substr(scheme + 3));
  }
  while (text.ends_with('/')) text.pop_back();
  return text;
}

class Login : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("username,u", "NAME", user_, "name to log in with");
    flags.add_text("password,p", "TEXT", password_, "password; better: --password-stdin");
    flags.add_bool("password-stdin", from_stdin_, "read the password from standard input");
    flags.add_bool("get-login", get_login_, "print the name that is logged in");
    flags.add_bool("verbose,v", verbose_, "say where the credentials are written");
    flags.add_text("compat-auth-file", "FILE", compat_file_, "the credentials file of docker");
    flags.add_text("authfile", "FILE", auth_file_, "the credentials file");
    flags.add_text("cert-dir", "DIR", cert_dir_, "certificates of the registry");
    flags.add_bool("tls-verify", connection_.tls_verify,
                   "verify certificates (default true); false also allows plain http");
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    if (arguments.size() > 1) throw Error("too many arguments, login takes only 1 argument");
    expect_arguments(arguments, 1, 1, "please specify a registry to login to");
    const std::string key = key_of(arguments[0]), host = host_of(key);
    connection_.auth_file = compat_file_.empty() ? auth_file_ : compat_file_;
    connection_.cert_dir = cert_dir_;
    if (get_login_) return show_login(key);
    if (from_stdin_ && flags.given("password")) {
      throw Error("--password and --password-stdin are used together");
    }
    if (from_stdin_ && user_.empty()) throw Error("--password-stdin needs --username");
    if (user_.empty() && !flags.given("password") && is_logged_in(app, key)) return 0;
    take_credentials(flags);
    registry::check_login(host, connection_, app.stop_token());
    registry::store_credentials(key, {user_, connection_.password, ""}, connection_);
    if (verbose_) {
      print(fmt::format("Used:  {}\n", registry::login_file(connection_).string()));
    }
    print("Login Succeeded!\n");
    return 0;
  }

 private:
  // What is known already is tried before anybody is asked.
  bool is_logged_in(App& app, const std::string& key) const {
    const auto known = registry::find_host_credentials(key, connection_);
    if (!known || known->user.empty()) return false;
    print(fmt::format("Authenticating with existing credentials for {}\n", key));
    registry::ConnectionOptions connection = connection_;
    connection.user = known->user;
    connection.password = known->password;
    try {
      registry::check_login(host_of(key), connection, app.stop_token());
    } catch (const Error&) {
      print("Existing credentials are invalid, please enter valid username and password\n");
      return false;
    }
    print(fmt::format("Existing credentials are valid. Already logged in to {}\n", host_of(key)));
    return true;
  }

  int show_login(const std::string& key) const {
    const auto known = registry::find_host_credentials(key, connection_);
    if (!known) throw Error("not logged into {}", key);
    print((known->user.empty() ? "<token>" : known->user) + "\n");
    return 0;
  }

  void take_credentials(const FlagSet& flags) {
    if (user_.empty()) user_ = ask("Username: ");
    if (from_stdin_) {
      password_ = read_line();
    } else if (!flags.given("password")) {
      password_ = ask_secret("Password: ");
    }
    if (user_.empty() || password_.empty()) throw Error("a user name and a password are needed");
    connection_.user = user_;
    connection_.password = password_;
  }

  registry::ConnectionOptions connection_;
  std::string user_, password_, auth_file_, cert_dir_, compat_file_;
  bool from_stdin_ = false, get_login_ = false, verbose_ = false;
};

class Logout : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "remove the credentials of all registries");
    flags.add_text("authfile", "FILE", auth_file_, "the credentials file");
    flags.add_text("compat-auth-file", "FILE", compat_file_, "the credentials file of docker");
  }

  int run(App&, const FlagSet&, const std::vector<std::string>& arguments) override {
    registry::ConnectionOptions connection;
    connection.auth_file = compat_file_.empty() ? auth_file_ : compat_file_;
    if (all_) {
      expect_arguments(arguments, 0, 0, "");
      registry::remove_all_credentials(connection);
      print("Removed login credentials for all registries\n");
      return 0;
    }
    expect_arguments(arguments, 1, 1, "registry must be given");
    const std::string key = key_of(arguments[0]);
    if (!registry::remove_credentials(key, connection)) throw Error("not logged into {}", key);
    print(fmt::format("Removed login credentials for {}\n", key));
    return 0;
  }

 private:
  std::string auth_file_, compat_file_;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_login() { return std::make_unique<Login>(); }

std::unique_ptr<Command> make_logout() { return std::make_unique<Logout>(); }

}  // namespace bld::cmd
