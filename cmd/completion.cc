// bld completion, and what its scripts ask while somebody types
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/complete.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

constexpr std::string_view kBash = R"(# bash completion of bld: source <(bld completion bash)
_bld() {
  local cur words cword line
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n := cur words cword
  else
    cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${words[0]}" __complete -- "${words[@]:1:cword}" 2>/dev/null)
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _bld bld
)";

constexpr std::string_view kZsh = R"(#compdef bld
# zsh completion of bld: source <(bld completion zsh), or a file _bld in $fpath
_bld() {
  local line files=0
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=1
    else
      local word=${line%%$'\t'*}
      found+=("${word//:/\\:}:${line#*$'\t'}")
    fi
  done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#found} )) && _describe bld found
  (( files )) && _files
}
compdef _bld bld
)";

constexpr std::string_view kFish = R"(# fish completion of bld: bld completion fish | source
function __bld_complete
  set -l tokens (commandline -opc) (commandline -ct)
  for line in ($tokens[1] __complete -- $tokens[2..-1] 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c bld -f -a '(__bld_complete)'
)";

// An empty word is lost on its way to a program in PowerShells before 7.3, so that the one that is
// being typed has a mark in front.
constexpr std::string_view kPowershell =
    R"(# powershell completion of bld: bld completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName bld -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
    ForEach-Object { $_.Extent.Text })
  $rest = @($words | Select-Object -Skip 1)
  & $words[0] __complete --marked -- @rest "=$wordToComplete" 2>$null |
    Where-Object { $_ -ne ':files' } |
    ForEach-Object {
      $word, $help = $_ -split "`t", 2
      if (-not $help) { $help = $word }
      [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $help)
    }
}
)";

class PrintCompletion : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App&, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "a shell must be named: bash, zsh, fish or powershell");
    const std::pair<std::string_view, std::string_view> scripts[] = {
        {"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}, {"powershell", kPowershell}};
    for (const auto& [shell, script] : scripts) {
      if (arguments[0] != shell) continue;
      print(script);
      return 0;
    }
    throw base::Error("no completion for \"{}\": there are bash, zsh, fish and powershell",
                      base::printable(arguments[0]));
  }
};

class Complete : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("marked", marked_, "the last word has a byte in front that is not part of it");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& words) override {
    std::vector<std::string> arguments = words;
    if (marked_ && !arguments.empty() && !arguments.back().empty()) arguments.back().erase(0, 1);
    GlobalOptions ignored;
    FlagSet global_flags;
    declare_globals(global_flags, ignored);
    const StoreNames names{
        .images = [&] { return images(app, arguments); },
        .containers = [&] { return containers(app, arguments); },
    };
    const Completion completion = complete(arguments, global_flags, names);
    std::string text;
    for (const auto& [word, help] : completion.candidates) text += word + "\t" + help + "\n";
    if (completion.files) text += ":files\n";
    print(text);
    return 0;
  }

 private:
  // Nothing where there is no store: looking does not make one.
  static bool open_store(App& app, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i].starts_with("--root=")) app.use_root(words[i].substr(7));
      if (words[i] == "--root" && i + 1 < words.size()) app.use_root(words[i + 1]);
    }
    std::error_code ignored;
    if (!std::filesystem::exists(app.store_root(), ignored)) return false;
    app.start(Needs::kStore);
    return true;
  }

  static std::vector<std::string> images(App& app, const std::vector<std::string>& words) {
    std::vector<std::string> names;
    if (!open_store(app, words)) return names;
    constexpr std::string_view kOurs = "localhost/";
    for (const store::ImageRecord& image : app.store().images()) {
      for (const std::string& name : image.names) {
        names.push_back(name);
        if (name.starts_with(kOurs)) names.push_back(name.substr(kOurs.size()));
      }
    }
    return names;
  }

  static std::vector<std::string> containers(App& app, const std::vector<std::string>& words) {
    std::vector<std::string> names;
    if (!open_store(app, words)) return names;
    for (const store::Container& container : app.store().containers()) {
      names.push_back(container.name);
    }
    return names;
  }

  bool marked_ = false;
};

}  // namespace

std::unique_ptr<Command> make_completion() { return std::make_unique<PrintCompletion>(); }

std::unique_ptr<Command> make_complete() { return std::make_unique<Complete>(); }

}  // namespace bld::cmd
