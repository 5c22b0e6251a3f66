// A layer's table of contents in the making. Private to this folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "base/unique_fd.h"
#include "image/digest.h"
#include "layers/toc.h"
#include "store/state.h"

namespace bld::store {

// A file in tmp/; removed unless published.
class TocFile {
 public:
  explicit TocFile(StoreState& state);
  ~TocFile();
  TocFile(const TocFile&) = delete;
  TocFile& operator=(const TocFile&) = delete;

  layers::TocWriter& writer() { return *writer_; }

  void publish(const image::DiffId& diff_id);

 private:
  StoreState& state_;
  std::filesystem::path path_;
  base::UniqueFd file_;
  std::optional<base::FdSink> sink_;
  std::optional<layers::TocWriter> writer_;
  bool published_ = false;
};

// The contents of an entry that TarReader just gave, where a table keeps them.
std::string kept_text(const layers::FileEntry& entry, base::ByteSource& content);

// Those of layers that are gone.
void remove_unused_tocs(StoreState& state);

}  // namespace bld::store
