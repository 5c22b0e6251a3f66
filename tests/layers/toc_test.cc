#include "layers/toc.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "layers/merged_copy.h"
#include "layers/tar_reader.h"
#include "tests/layers/tree.h"
#include "tests/support/tar_builder.h"

namespace bld::layers {
namespace {

using test::TarBuilder;
using Look = Toc::Look;

struct StringSink : base::ByteSink {
  void write(base::Bytes bytes) override { text += base::as_text(bytes); }

  std::string text;
};

std::string write_toc(const std::string& tar) {
  base::MemorySource source(tar);
  TarReader reader(source);
  StringSink sink;
  TocWriter writer(sink);
  while (const FileEntry* entry = reader.next()) {
    writer.add_from_tar(*entry, is_kept_in_toc(*entry)
                                    ? base::read_to_end(reader.content(), entry->size)
                                    : std::string());
  }
  writer.finish();
  return sink.text;
}

Toc toc_of(const std::string& tar) {
  const std::string text = write_toc(tar);
  base::MemorySource source(text);
  return Toc::read(source);
}

// A tree says as much, but that it has made the directories that only things below them tell of.
std::string describe(const Look& look) {
  if (look.kind == Look::Kind::kNothing || look.kind == Look::Kind::kHidden) {
    return look.hides_lower ? "hidden" : "nothing";
  }
  if (look.kind == Look::Kind::kImplied) return fmt::format("implied {}", look.hides_lower);
  return fmt::format("{} {:o} {} {}", static_cast<int>(look.entry.type), look.entry.mode,
                     look.entry.link, look.hides_lower);
}

void expect_same_as_tree(const std::string& tar, const std::vector<std::string>& paths) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree");
  try {
    tree.apply(tar);
  } catch (const base::Error&) {
    return;  // no layer at all
  }
  const Toc toc = toc_of(tar);
  for (const std::string& path : paths) {
    const Look look = toc.look(path);
    std::string in_tree = describe(look_into_tree(tree.root, path));
    if (look.kind == Look::Kind::kImplied) {
      in_tree = fmt::format("implied {}", in_tree.ends_with("true"));
    }
    EXPECT_EQ(describe(look), in_tree) << path;
  }
}

TEST(Toc, SaysWhatATreeOfTheLayerSays) {
  const std::vector<std::string> paths = {"a", "a/b", "a/b/c", "d", "d/e", "d/e/f", "g"};
  std::mt19937 random(1);
  const auto pick = [&](std::size_t count) { return random() % count; };
  for (int round = 0; round < 100; ++round) {
    TarBuilder tar;
    std::string story;
    for (std::size_t i = 2 + pick(8); i > 0; --i) {
      const std::string& path = paths[pick(paths.size())];
      const auto [parent, name] = base::split_path(path);
      const std::string folder = parent.empty() ? "" : parent + "/";
      const std::size_t kind = pick(6);
      story += fmt::format("{} {}\n", kind, path);
      if (kind == 0) tar.file(path, "x", 0640);
      if (kind == 1) tar.dir(path, 0711);
      if (kind == 2) tar.symlink(path, "target");
      if (kind == 3) tar.hard_link(path, paths[pick(paths.size())]);
      if (kind == 4) tar.file(folder + ".wh." + name, "");
      if (kind == 5) tar.file(path + "/.wh..wh..opq", "");
    }
    SCOPED_TRACE(story);
    expect_same_as_tree(tar.finish(), paths);
  }
}

TEST(Toc, KeepsUsersAndGroupsAlsoUnderASecondName) {
  const Toc toc = toc_of(TarBuilder()
                             .file("etc/passwd", "old")
                             .file("etc/passwd", "root:x:0:0::/:\n")
                             .file("etc/hosts", "no")
                             .file("etc/group", "")
                             .finish());
  ASSERT_NE(toc.text("etc/passwd"), nullptr);
  EXPECT_EQ(*toc.text("etc/passwd"), "root:x:0:0::/:\n");
  EXPECT_EQ(*toc.text("etc/group"), "");
  EXPECT_EQ(toc.text("etc/hosts"), nullptr);
  EXPECT_EQ(
      toc_of(TarBuilder().file("etc/passwd", "x").dir("etc/passwd").finish()).text("etc/passwd"),
      nullptr);
}

TEST(Toc, DamageIsAnError) {
  const std::string whole = write_toc(TarBuilder().dir("a").file("a/b", "x").finish());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    base::MemorySource source(part);
    EXPECT_THROW(Toc::read(source), base::Error) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    base::MemorySource source(damaged);
    try {  // a bit that means nothing changes nothing
      EXPECT_EQ(Toc::read(source).look("a/b").kind, Look::Kind::kShown) << at;
    } catch (const base::Error&) {
    }
  }
}

}  // namespace
}  // namespace bld::layers
