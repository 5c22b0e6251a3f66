// A template of --format over a value with every kind of field: text, or an Error.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "cmd/go_template.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cmd::Value value = cmd::Value::from_json(base::Json::parse(
      R"({"A":"text","B":[1,2,{"C":true}],"M":{"a":"1","b":null},"N":-7,"E":[],"O":{}})"));
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    cmd::Template::parse(cmd::unescaped(text)).run(value);
  } catch (const base::Error&) {
  }
  return 0;
}
