#include "cmd/app.h"
#include "cmd/standard_streams.h"

int main(int argc, char** argv) {
  bld::cmd::open_standard_streams();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  bld::cmd::wipe_secrets(argc, argv);
  return bld::cmd::run_app(words);
}
