#include "layers/unpack_filter.h"

#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

#include "base/error.h"
#include "layers/libarchive.h"

namespace bld::layers {

namespace {

using base::Error;

class FilteredSource : public base::ByteSource {
 public:
  explicit FilteredSource(base::ByteSource& compressed)
      : compressed_(compressed), input_(64 * 1024), archive_(libarchive::read_new()) {
    // Nothing else is turned on: the stream is one raw "file" behind one filter.
    check(libarchive::read_support_filter_bzip2(archive_.get()));
    check(libarchive::read_support_filter_xz(archive_.get()));
    check(libarchive::read_support_format_raw(archive_.get()));
    check(libarchive::read_open(archive_.get(), this, nullptr, &FilteredSource::on_read, nullptr));
    struct archive_entry* entry = nullptr;
    const int result = libarchive::read_next_header(archive_.get(), &entry);
    if (result == ARCHIVE_EOF) finished_ = true;
    if (result != ARCHIVE_EOF) check(result);
  }

  std::size_t read(std::span<std::byte> buffer) override {
    if (finished_ || buffer.empty()) return 0;
    const la_ssize_t count = libarchive::read_data(archive_.get(), buffer.data(), buffer.size());
    if (count < 0) check(static_cast<int>(count));
    if (count == 0) finished_ = true;
    return static_cast<std::size_t>(count);
  }

 private:
  struct Free {
    void operator()(struct archive* archive) const { libarchive::read_free(archive); }
  };

  // libarchive is C: what the source throws waits here until its call has returned.
  static la_ssize_t on_read(struct archive* archive, void* self_pointer, const void** block) {
    auto* self = static_cast<FilteredSource*>(self_pointer);
    try {
      const std::size_t count = self->compressed_.read(self->input_);
      *block = self->input_.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      self->failure_ = std::current_exception();
      libarchive::set_error(archive, EIO, "reading failed");
      return -1;
    }
  }

  void check(int result) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (result >= ARCHIVE_WARN) return;
    const char* why = libarchive::error_string(archive_.get());
    throw Error("the compressed data is damaged: {}", why != nullptr ? why : "unknown error");
  }

  base::ByteSource& compressed_;
  std::vector<std::byte> input_;
  std::exception_ptr failure_;
  bool finished_ = false;
  std::unique_ptr<struct archive, Free> archive_;
};

}  // namespace

bool is_bzip2_or_xz(base::Bytes head) {
  const std::string_view text = base::as_text(head);
  return text.starts_with("BZh") || text.starts_with(std::string_view("\xfd"
                                                                      "7zXZ\0",
                                                                      6));
}

std::unique_ptr<base::ByteSource> unpack_bzip2_or_xz(base::ByteSource& compressed) {
  return std::make_unique<FilteredSource>(compressed);
}

}  // namespace bld::layers
