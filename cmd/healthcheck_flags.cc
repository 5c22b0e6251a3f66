#include "cmd/healthcheck_flags.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/shell_words.h"
#include "dockerfile/json_words.h"
#include "dockerfile/values.h"

namespace bld::cmd {

using base::Error;

namespace {

using std::chrono::seconds;

// What Buildah makes of a check of which only a part was given.
image::Healthcheck new_healthcheck() {
  image::Healthcheck check;
  check.test = {"NONE"};
  check.interval = seconds(30);
  check.timeout = seconds(30);
  check.retries = 3;
  return check;
}

std::vector<std::string> parse_test(const std::string& text) {
  const std::size_t blank = text.find_first_of(" \t");
  const std::string kind = text.substr(0, blank);
  const std::string rest =
      blank == std::string::npos ? "" : std::string(base::trim(text.substr(blank)));
  if (kind == "NONE" && rest.empty()) return {"NONE"};
  if (kind == "CMD-SHELL" && !rest.empty()) return {"CMD-SHELL", rest};
  if (kind == "CMD" && !rest.empty()) {
    const auto json = dockerfile::parse_json_words(rest);
    std::vector<std::string> test = json ? *json : shell_words(rest);
    test.insert(test.begin(), "CMD");
    return test;
  }
  throw Error("a health check is \"CMD COMMAND\", \"CMD-SHELL TEXT\" or \"NONE\", not \"{}\"",
              base::printable(text));
}

}  // namespace

void HealthcheckFlags::declare(FlagSet& flags) {
  flags.add(
      "healthcheck", "TEXT",
      [this](const std::string& text) {
        if (!text.empty()) parse_test(text);
        test_ = text;
      },
      "health check of containers: CMD …, CMD-SHELL … or NONE; empty: none is set");
  declare_times(flags);
  flags.add(
      "healthcheck-retries", "N",
      [this](const std::string& text) {
        const auto number = base::parse_unsigned(text);
        if (!number || *number > 1'000'000) throw Error("\"{}\" is no number of retries", text);
        retries_ = static_cast<int>(*number);
        words_.push_back("--retries=" + text);
      },
      "failures after which a container is unhealthy (default 3)");
}

void HealthcheckFlags::declare_times(FlagSet& flags) {
  const auto add = [&](const std::string& name, Time time, const char* help) {
    flags.add(
        "healthcheck-" + name, "DURATION",
        [this, name, time](const std::string& text) {
          times_.emplace_back(time, std::chrono::nanoseconds(dockerfile::parse_duration_ns(text)));
          words_.push_back("--" + name + "=" + text);
        },
        help);
  };
  add("interval", &image::Healthcheck::interval, "time between two checks (default 30s)");
  add("timeout", &image::Healthcheck::timeout, "most time that a check may take (default 30s)");
  add("start-period", &image::Healthcheck::start_period,
      "time at the beginning in which failures do not count (default 0s)");
  add("start-interval", &image::Healthcheck::start_interval,
      "time between two checks in the start period");
}

void HealthcheckFlags::apply(image::RunConfig& config) const {
  if (!given()) return;
  if (test_ && test_->empty()) {
    config.healthcheck.reset();
    return;
  }
  if (!config.healthcheck) config.healthcheck = new_healthcheck();
  image::Healthcheck& check = *config.healthcheck;
  if (test_) check.test = parse_test(*test_);
  for (const auto& [time, value] : times_) check.*time = value;
  if (retries_) check.retries = *retries_;
}

std::string HealthcheckFlags::history() const {
  if (test_ && test_->empty()) return "NONE";
  std::vector<std::string> words = words_;
  words.push_back(test_.value_or(""));
  return base::join(words, " ");
}

}  // namespace bld::cmd
