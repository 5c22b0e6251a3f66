// The tar of a layer from the files that it was unpacked to, byte for byte as it came: podman,
// buildah and docker keep beside each layer what is in its tar besides the contents of files
// (headers and padding), in the form of github.com/vbatts/tar-split.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "base/unique_fd.h"

namespace bld::registry {

class TarSplitSource : public base::ByteSource {
 public:
  // `index` is a file of lines of JSON, compressed or not; a line is bytes of the tar, or the name
  // of a file of the layer, whose content is opened below `files` and never outside of it. A file
  // that is missing, or whose size is another than in the tar, is an Error of read(). Other content
  // is for the reader to find, who knows the tar's digest.
  TarSplitSource(base::UniqueFd index, base::RootedDir files);
  ~TarSplitSource() override;

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  // The next line without its end; false where there is none.
  bool next_line(std::string& line);
  void take_line(const std::string& line);
  std::size_t read_file(std::span<std::byte> buffer);

  base::UniqueFd index_;
  base::FdSource index_file_;
  std::unique_ptr<base::ByteSource> lines_;
  std::string buffered_;  // of the index, from `line_begin_` on
  std::size_t line_begin_ = 0;

  base::RootedDir files_;
  std::string bytes_;  // of the tar, from `next_byte_` on
  std::size_t next_byte_ = 0;
  base::UniqueFd file_;  // with `file_left_` bytes to come
  std::uint64_t file_left_ = 0;
  std::string file_name_;
};

}  // namespace bld::registry
