#include "dockerfile/csv.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace bld::dockerfile {

std::vector<std::string> split_csv(std::string_view text) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  for (;;) {
    std::string field;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) throw base::Error("a quote is not closed");
        if (text[at] != '"') {
          field += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          field += text[++at];
        } else {
          break;
        }
      }
      ++at;
      if (at < text.size() && text[at] != ',') {
        throw base::Error("a quote has to end its field");
      }
    } else {
      const std::size_t end = std::min(text.find(',', at), text.size());
      field = text.substr(at, end - at);
      if (field.find('"') != std::string::npos) {
        throw base::Error("a quote has to begin its field");
      }
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= text.size()) return fields;
    ++at;
  }
}

}  // namespace bld::dockerfile
