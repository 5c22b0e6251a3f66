// What a request says about the image besides its layers.
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/builder/build_fixture.h"

namespace bld::test {
namespace {

using builder::BuildRequest;

class ImageOptions : public Build {
 protected:
  std::map<std::string, std::string> annotations(const BuildRequest& request,
                                                 const std::string& containerfile) {
    auto found = store_.read_manifest(build(containerfile, request).manifest.digest).annotations;
    found.erase("org.opencontainers.image.base.digest");
    return found;
  }

  void make_base() {
    BuildRequest request;
    request.tags = {image::Reference::parse("localhost/base:latest")};
    request.annotations = {{"a", "1"}, {"b", "2"}};
    request.os_features = {"one", "two"};
    build("FROM scratch\nLABEL l=1\n", request);
  }
};

using Map = std::map<std::string, std::string>;

TEST_F(ImageOptions, AnnotationsOfTheBaseAreInheritedUnlessAskedOtherwise) {
  make_base();
  const std::pair<std::string, std::string> name = {"org.opencontainers.image.base.name",
                                                    "localhost/base:latest"};
  EXPECT_EQ(annotations({}, "FROM localhost/base\n"), (Map{{"a", "1"}, {"b", "2"}, name}));
  BuildRequest changed;
  changed.unset_annotations = {"a"};
  changed.annotations = {{"b", "x"}};
  EXPECT_EQ(annotations(changed, "FROM localhost/base\n"), (Map{{"b", "x"}, name}));
  BuildRequest none;
  none.inherit_annotations = false;
  EXPECT_EQ(annotations(none, "FROM localhost/base\n"), (Map{name}));
  BuildRequest docker;
  docker.format = builder::ImageFormat::kDocker;
  EXPECT_EQ(annotations(docker, "FROM localhost/base\n"), Map());
}

TEST_F(ImageOptions, TheTimeIsAnAnnotationWhereThereIsOne) {
  BuildRequest request;
  EXPECT_EQ(annotations(request, "FROM scratch\n"), Map());
  request.timestamp = 60;
  const Map created = {{"org.opencontainers.image.created", "1970-01-01T00:01:00Z"}};
  EXPECT_EQ(annotations(request, "FROM scratch\n"), created);
  request.created_annotation = false;
  EXPECT_EQ(annotations(request, "FROM scratch\n"), Map());
}

TEST_F(ImageOptions, LabelsOfBaseAndStagesCanBeLeftBehind) {
  make_base();
  BuildRequest request;
  request.identity_label = false;
  request.inherit_labels = false;
  const auto made =
      config(build("FROM localhost/base AS a\nLABEL m=2\nFROM a\nLABEL n=3\n", request));
  EXPECT_EQ(made.config.labels, (Map{{"n", "3"}}));
}

TEST_F(ImageOptions, FeaturesOfTheSystemAreAddedAndTakenAway) {
  make_base();
  BuildRequest request;
  request.os_version = "10";
  request.os_features = {"one-", "three", "two"};
  const auto made = config(build("FROM localhost/base\n", request));
  EXPECT_EQ(made.platform.os_version, "10");
  EXPECT_EQ(made.platform.os_features, (std::vector<std::string>{"three", "two"}));
}

TEST_F(ImageOptions, StagesThatNobodyNeedsAreBuiltOnRequest) {
  const std::string text =
      "FROM scratch AS a\nRUN write a 1\nFROM scratch AS b\nRUN write b 2\n"
      "FROM scratch\nRUN write c 3\n";
  build(text);
  EXPECT_EQ(runner_.runs, 1);
  BuildRequest request;
  request.skip_unused_stages = false;
  request.target = "b";
  build(text, request);
  EXPECT_EQ(runner_.runs, 3);
}

TEST_F(ImageOptions, OnlyTheStepsOfSomeStagesAreDoneAgain) {
  const std::string text =
      "FROM scratch AS a\nRUN write a 1\nFROM scratch AS b\nRUN write b 2\n"
      "FROM a\nRUN write c 3\nCOPY --from=b /b /\n";
  BuildRequest request;
  request.timestamp = 1;  // what is written is the same at any time
  request.file_times = builder::FileTimes::kSet;
  const auto first = build(text, request);
  EXPECT_EQ(runner_.runs, 3);
  request.no_cache_stages = {"a"};
  // The step upon it finds the same content as before.
  EXPECT_EQ(build(text, request).image_id, first.image_id);
  EXPECT_EQ(runner_.runs, 4);
  request.no_cache_stages = {"nosuch"};
  EXPECT_THROW(build(text, request), base::Error);
}

}  // namespace
}  // namespace bld::test
