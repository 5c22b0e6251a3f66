#include <vector>

#include "base/process.h"
#include "tests/builder/copy_fixture.h"

namespace bld::builder {
namespace {

// Archives are made by tar, which is what users make them with.
class CopyArchive : public CopyFixture {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs chown";
    made.write("one", "one\n");
    made.write("sub/two", "two\n");
    made.link_in("link", "one");
    chmod(made.dir / "one", 0640);
    chmod(made.dir / "sub", 0750);
    std::filesystem::create_hard_link(made.dir / "one", made.dir / "sub/hard");
  }

  struct Made {
    test::TempDir dir;

    void write(const std::string& name, const std::string& text) const { dir.write(name, text); }

    void link_in(const std::string& name, const std::string& target) const {
      std::filesystem::create_symlink(target, dir / name);
    }
  };

  void tar(const std::string& flag, const std::string& archive, std::vector<std::string> names) {
    base::ProcessOptions options;
    options.args = {"tar",
                    "--owner=11",
                    "--group=12",
                    "--numeric-owner",
                    "--mtime=@86400",
                    "--sort=name",
                    "-C",
                    made.dir.path().string(),
                    "-c",
                    flag,
                    "-f",
                    (context / archive).string()};
    options.args.insert(options.args.end(), names.begin(), names.end());
    const base::ProcessResult result = base::run_process(options);
    ASSERT_EQ(result.exit_status, 0) << result.error_output;
  }

  static CopyOperation add(std::vector<std::string> sources, std::string destination) {
    CopyOperation operation = copy(std::move(sources), std::move(destination));
    operation.kind = CopyKind::kAdd;
    return operation;
  }

  // A scratch directory of its own for each.
  Lines unpacked(const CopyOperation& operation) {
    const test::TempDir own;
    const base::RootedDir root = base::RootedDir::open(own.path());
    Lines lines;
    for (const auto& entry :
         place(operation, selected(operation), DirectoryFiles(image_root), root)) {
      lines.push_back(describe(entry));
    }
    return lines;
  }

  Made made;
};

const std::vector<std::string> kInDst = {"d0755 dst",
                                         "l(11:12) dst/link->one",
                                         "f0640(11:12) dst/one=one\n",
                                         "d0750(11:12) dst/sub",
                                         "h dst/sub/hard==dst/one",
                                         "f0644(11:12) dst/sub/two=two\n"};

TEST_F(CopyArchive, IsUnpackedWhateverItsNameAndCompression) {
  tar("-z", "misnamed.txt", {"one", "sub", "link"});
  tar("-J", "a.tar.xz", {"one", "sub", "link"});
  tar("--no-xattrs", "a.tar", {"one", "sub", "link"});
  EXPECT_EQ(unpacked(add({"misnamed.txt"}, "/dst/")), kInDst);
  EXPECT_EQ(unpacked(add({"a.tar.xz"}, "/dst")), kInDst);
  EXPECT_EQ(unpacked(add({"a.tar"}, "/dst")), kInDst);
}

TEST_F(CopyArchive, TimesComeFromTheArchive) {
  tar("-z", "a.tgz", {"one", "sub"});
  const auto entries = placed(add({"a.tgz"}, "/dst/"));
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].entry.mtime_sec, 0);
  for (std::size_t i = 1; i < entries.size(); ++i) EXPECT_EQ(entries[i].entry.mtime_sec, 86400);
}

TEST_F(CopyArchive, IsCopiedByCopyAndByUnpackFalse) {
  tar("-z", "a.tgz", {"one"});
  EXPECT_EQ(unpacked(copy({"a.tgz"}, "/dst/")).size(), 2U);
  CopyOperation operation = add({"a.tgz"}, "/dst/");
  operation.unpack = false;
  EXPECT_EQ(unpacked(operation).at(1).substr(0, 16), "f0644 dst/a.tgz=");
}

TEST_F(CopyArchive, UnpackOfWhatIsNoneIsAnError) {
  context.write("plain", "text");
  CopyOperation operation = add({"plain"}, "/dst/");
  EXPECT_EQ(unpacked(operation), (Lines{"d0755 dst", "f0644 dst/plain=text"}));
  operation.unpack = true;
  EXPECT_NE(error_of(operation).find("plain"), std::string::npos);
}

TEST_F(CopyArchive, ChownOverridesAndChmodDoesNotApply) {
  tar("-z", "a.tgz", {"one"});
  CopyOperation operation = add({"a.tgz"}, "/dst/");
  operation.chown = "1:2";
  operation.chmod = "0777";
  EXPECT_EQ(unpacked(operation), (Lines{"d0777(1:2) dst", "f0640(1:2) dst/one=one\n"}));
}

TEST_F(CopyArchive, ItsTopFolderDoesNotChangeTheDestination) {
  chmod(made.dir.path(), 0711);
  tar("-z", "a.tgz", {"."});
  std::filesystem::create_directory(image / "have");
  chmod(image / "have", 0750);
  EXPECT_EQ(unpacked(add({"a.tgz"}, "/have")).at(0), "d0750 have");
  EXPECT_EQ(unpacked(add({"a.tgz"}, "/new")).at(0), "d0755 new");
}

TEST_F(CopyArchive, ReplacesWhatIsInItsWay) {
  tar("-z", "a.tgz", {"one", "sub"});
  std::filesystem::create_directories(image / "dst/one/below");
  image.write("dst/sub", "a file");
  const Lines lines = unpacked(add({"a.tgz"}, "/dst"));
  EXPECT_EQ(lines.at(1), "f0640(11:12) dst/one=one\n");
  EXPECT_EQ(lines.at(2), "d0750(11:12) dst/sub");
}

TEST_F(CopyArchive, ATruncatedOneIsAnErrorThatNamesIt) {
  made.write("big", std::string(200000, 'x'));
  tar("--no-xattrs", "a.tar", {"big"});
  std::filesystem::resize_file(context / "a.tar", 100000);
  EXPECT_NE(error_of(add({"a.tar"}, "/dst/")).find("a.tar"), std::string::npos);
}

}  // namespace
}  // namespace bld::builder
