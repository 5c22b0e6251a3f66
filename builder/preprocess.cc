#include "builder/preprocess.h"

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;
using dockerfile::SourcePart;

constexpr std::string_view kStandardInput = "<stdin>";

// "# LINE "FILE" FLAGS", a line by which cpp says where what follows was written.
struct Marker {
  int line = 0;
  std::string file;
};

std::optional<Marker> parse_marker(std::string_view line) {
  if (!line.starts_with("# ")) return std::nullopt;
  const std::size_t quote = line.find(" \"", 2);
  if (quote == std::string_view::npos) return std::nullopt;
  const auto number = base::parse_unsigned(line.substr(2, quote - 2));
  if (!number || *number > dockerfile::SourceText::kMaximumBytes) return std::nullopt;
  Marker marker{static_cast<int>(*number), ""};
  for (std::size_t i = quote + 2; i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    marker.file += line[i];
  }
  return marker;
}

// Takes the directives of the language off the top: to cpp they are malformed ones of its own.
SourcePart take_directives(SourcePart& file) {
  SourcePart taken{file.file_name, "", file.first_line};
  std::string_view rest = file.text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (;;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = base::trim(rest.substr(0, end));
    if (!line.starts_with('#')) break;
    line = base::trim(line.substr(1));
    const std::string name = base::to_lower(base::trim(line.substr(0, line.find('='))));
    if (line.find('=') == std::string_view::npos ||
        (name != "syntax" && name != "escape" && name != "check")) {
      break;
    }
    taken.text.append(rest.substr(0, end)).append("\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto lines = std::count(taken.text.begin(), taken.text.end(), '\n');
  // cpp counts lines from the top of the file.
  file.text = std::string(static_cast<std::size_t>(lines), '\n').append(rest);
  return taken;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool is_below(const fs::path& file, const fs::path& directory) {
  std::error_code failed;
  const fs::path real_file = fs::canonical(file, failed);
  if (failed) return false;
  const fs::path real_directory = fs::canonical(directory, failed);
  if (failed) return false;
  const fs::path relative = real_file.lexically_relative(real_directory);
  return !relative.empty() && *relative.begin() != "..";
}

// How a file that cpp read is called in messages; nothing for what cpp brings along itself.
std::optional<std::string> name_of(const std::string& file, const PreprocessInput& input) {
  if (file == kStandardInput) return input.file.file_name;
  if (file.starts_with('<')) return std::nullopt;
  if (fs::path(file).filename() == "stdc-predef.h") return std::nullopt;
  const fs::path path = input.is_foreign ? input.directory / file : fs::path(file);
  if (input.is_foreign && !is_below(path, input.context)) {
    throw base::Error("{} includes {}, which is outside of the context", input.file.file_name,
                      base::printable(file));
  }
  const fs::path beside = path.lexically_relative(input.directory);
  return beside.empty() || *beside.begin() == ".." ? file : beside.string();
}

std::vector<SourcePart> cut(std::string_view output, const PreprocessInput& input) {
  std::vector<SourcePart> parts;
  SourcePart part;
  bool is_kept = false;
  const auto finish = [&] {
    if (is_kept && !is_blank(part.text)) parts.push_back(part);
    is_kept = false;
  };
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    const std::string_view line = output.substr(0, end);
    if (const auto marker = parse_marker(line)) {
      finish();
      if (const auto name = name_of(marker->file, input)) {
        part = {*name, "", std::max(marker->line, 1)};
        is_kept = true;
      }
    } else if (is_kept) {
      part.text.append(line).append("\n");
    }
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  finish();
  return parts;
}

std::string run_cpp(const PreprocessInput& input, std::vector<base::Warning>& warnings) {
  if (base::find_program("cpp").empty()) {
    throw base::Error("{}: the C preprocessor, cpp, is not installed", input.file.file_name)
        .hint("Debian's package is called cpp");
  }
  base::ProcessOptions options;
  options.args = {"cpp",          "-E",
                  "-iquote",      input.directory.string(),
                  "-iquote",      fs::absolute(input.context).string(),
                  "-traditional", "-undef"};
  options.args.insert(options.args.end(), input.flags.begin(), input.flags.end());
  options.args.emplace_back("-");
  options.env = {"LC_ALL=C"};
  options.input = input.file.text;
  options.output_limit_bytes = dockerfile::SourceText::kMaximumBytes;
  if (input.is_foreign) options.directory = input.directory.string();
  const base::ProcessResult result = base::run_process(options);
  std::vector<std::string> errors;
  for (std::string& line : base::split(base::trim(result.error_output), '\n')) {
    if (line.starts_with(kStandardInput)) {
      line = input.file.file_name + line.substr(kStandardInput.size());
    }
    line = base::printable(line);
    if (line.find("error: invalid preprocessing directive") != std::string::npos) {
      warnings.push_back({line + ": cpp drops the line", {}});
    } else if (line.find("error:") != std::string::npos) {
      errors.push_back(line);
    }
  }
  if (errors.empty() && (result.exit_status == 0 || !warnings.empty())) return result.output;
  if (errors.empty()) errors.push_back(base::printable(base::trim(result.error_output)));
  base::Error error("{}", errors.front());
  error.add_context("cpp");
  for (std::size_t i = 1; i < errors.size(); ++i) error.add_more(base::Error("{}", errors[i]));
  throw error;
}

}  // namespace

Preprocessed preprocess(PreprocessInput input) {
  input.directory = fs::absolute(input.directory);
  Preprocessed result;
  SourcePart directives = take_directives(input.file);
  const std::string output = run_cpp(input, result.warnings);
  result.parts = cut(output, input);
  if (!directives.text.empty()) result.parts.insert(result.parts.begin(), std::move(directives));
  if (result.parts.empty()) result.parts.push_back({input.file.file_name, "", 1});
  return result;
}

}  // namespace bld::builder
