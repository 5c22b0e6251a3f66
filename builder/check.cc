#include "builder/check.h"

#include <cstdlib>
#include <map>

#include "base/error.h"
#include "builder/global_arguments.h"
#include "builder/named_contexts.h"
#include "dockerfile/parser.h"
#include "dockerfile/stages.h"
#include "registry/transport.h"

namespace bld::builder {

namespace {

constexpr std::size_t kWarningsShown = 20;
constexpr const char* kCheckArgument = "BUILDKIT_DOCKERFILE_CHECK";

std::map<std::string, std::string> build_arguments(const BuildRequest& request) {
  std::map<std::string, std::string> values;
  for (const BuildArgument& argument : request.build_args) {
    const char* variable = argument.value ? nullptr : std::getenv(argument.name.c_str());
    if (argument.value) {
      values[argument.name] = *argument.value;
    } else if (variable != nullptr) {
      values[argument.name] = variable;
    }
  }
  return values;
}

dockerfile::CheckOptions options_of(const CheckInput& input,
                                    const std::map<std::string, std::string>& arguments) {
  dockerfile::CheckOptions options;
  const auto given = arguments.find(kCheckArgument);
  if (given == arguments.end()) {
    options = dockerfile::check_options_of(input.source, input.file);
  } else {
    try {
      options = dockerfile::parse_check_options(given->second);
    } catch (base::Error& error) {
      error.add_context(kCheckArgument);
      throw;
    }
  }
  for (const std::string& rule : input.skip) {
    if (rule == "all") options.skip_all = true;
    options.skip.push_back(rule);
  }
  for (const std::string& rule : input.experimental) {
    if (rule == "all") options.experimental_all = true;
    options.experimental.push_back(rule);
  }
  return options;
}

// The platform that FROM --platform asks for; nothing if it is none, which the planner tells.
std::optional<image::Platform> platform_of(const std::string& text, const BuildRequest& request) {
  if (text.empty()) return request.platform.value_or(image::Platform::host());
  try {
    return image::Platform::parse(text);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

dockerfile::BaseFacts facts_of(const BaseImage& base, const image::Platform& platform) {
  dockerfile::BaseFacts facts;
  facts.env = base.config.config.env;
  facts.has_shell = !base.config.config.shell.empty();
  const image::Platform& actual = base.config.platform;
  if (!actual.architecture.empty() &&
      (actual.os != platform.os || actual.architecture != platform.architecture)) {
    facts.expected_platform = platform.str();
    facts.actual_platform = actual.str();
  }
  return facts;
}

base::Error error_of(const dockerfile::SourceText& source, const dockerfile::Finding& finding) {
  base::Error error("{}: {}", finding.rule->name, finding.detail);
  return error.at(source.position(finding.span));
}

}  // namespace

CheckReport check(const CheckInput& input) {
  const BuildRequest& request = input.request;
  const auto arguments = build_arguments(request);
  const image::Platform host = image::Platform::host();
  dockerfile::LintInput lint{.source = input.source, .file = input.file};
  lint.options = options_of(input, arguments);
  lint.rules = input.rules;
  if (!input.all_stages) lint.target = request.target;
  lint.build_args = arguments;
  lint.predefined = predefined_arguments(host, request.platform.value_or(host), request.target);
  for (const auto& [name, value] : request.env) lint.env.push_back(name + "=" + value);
  lint.ignore = input.ignore;
  for (const auto& [name, value] : request.named_contexts) lint.named_contexts.insert(name);
  lint.base = [&](int stage, const std::string& image,
                  const std::string& platform_text) -> std::optional<dockerfile::BaseFacts> {
    const auto platform = platform_of(platform_text, request);
    if (!platform || !input.find_base) return std::nullopt;
    std::optional<std::string> name = image;
    const auto renamed = request.named_contexts.find(dockerfile::context_name(image));
    if (renamed != request.named_contexts.end()) name = named_image(renamed->second);
    if (stage == 0 && request.from) name = request.from;
    if (!name) return std::nullopt;
    const auto base = input.find_base(*name, *platform);
    if (!base) return std::nullopt;
    return facts_of(*base, *platform);
  };
  return {dockerfile::lint(lint), lint.options.error};
}

void check_in_build(const CheckInput& input, base::EventSink& events) {
  const CheckReport report = check(input);
  if (report.findings.empty()) return;
  if (report.error) {
    base::Error error = error_of(input.source, report.findings.front());
    error.hint("error=true makes what lint finds fail the build; skip=RULE leaves a rule out");
    for (std::size_t i = 1; i < report.findings.size(); ++i) {
      error.add_more(error_of(input.source, report.findings[i]));
    }
    throw error;
  }
  for (std::size_t i = 0; i < report.findings.size() && i < kWarningsShown; ++i) {
    events.send(dockerfile::warning_of(input.source, report.findings[i]));
  }
  if (report.findings.size() <= kWarningsShown) return;
  base::Warning more;
  more.text = fmt::format("lint has {} more findings; bld build --check shows them",
                          report.findings.size() - kWarningsShown);
  more.rule = "more";
  events.send(more);
}

std::optional<BaseImage> find_stored_base(store::Store& store, const std::string& name,
                                          const image::Platform& platform) {
  std::string reference = name;
  if (const auto location = registry::parse_location(name)) {
    if (location->kind != registry::TransportKind::kDocker) return std::nullopt;
    reference = location->reference;
  }
  const auto record = store.find_image(reference);
  if (!record) return std::nullopt;
  BaseImage base;
  base.config = store.read_config(record->config_digest);
  const image::Platform& offered = base.config.platform;
  const bool fits = offered.architecture.empty() || image::match(offered, platform) != 0;
  // A registry may have the right one under this name.
  const bool only_here = image::Reference::parse_local(reference).registry() == "localhost";
  if (!fits && !only_here) return std::nullopt;
  return base;
}

CheckedText check_text(dockerfile::SourceText source, const BuildRequest& request,
                       const TextOptions& options) {
  CheckedText checked{std::move(source), {}, std::nullopt};
  try {
    const dockerfile::Containerfile file = dockerfile::parse(checked.source);
    CheckInput input{.request = request, .source = checked.source, .file = file};
    input.ignore = options.ignore;
    input.all_stages = request.target.empty();
    input.skip = options.skip;
    input.experimental = options.experimental;
    if (options.store != nullptr) {
      input.find_base = [&](const std::string& name, const image::Platform& platform) {
        return find_stored_base(*options.store, name, platform);
      };
    }
    checked.report = check(input);
  } catch (base::Error& error) {
    checked.error = std::move(error);
  }
  return checked;
}

}  // namespace bld::builder
