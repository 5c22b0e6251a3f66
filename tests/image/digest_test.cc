// Digests are made by one strict reader; chain ids are those of the image-spec.
#include "image/digest.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::image {
namespace {

const std::string kOfNothing =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, NamesBytes) {
  EXPECT_EQ(Digest::of({}).str(), kOfNothing);
  EXPECT_EQ(Digest::of(base::as_bytes("{}")).hex(),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(Digest::parse(kOfNothing), Digest::of({}));
  EXPECT_EQ(Digest::parse(kOfNothing).algorithm(), "sha256");
}

TEST(Digest, Sha512IsReadToo) {
  const std::string text = "sha512:" + std::string(128, 'a');
  EXPECT_EQ(Digest::parse(text).str(), text);
  EXPECT_EQ(Digest::parse(text).hex().size(), 128u);
}

TEST(Digest, NothingElseIsOne) {
  const std::string hex(64, 'a');
  for (const std::string& text :
       {std::string(), std::string("sha256"), std::string("sha256:"), "sha256:" + hex.substr(1),
        "sha256:" + hex + "a", "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'),
        "SHA256:" + hex, "sha384:" + std::string(96, 'a'), hex, "sha512:" + hex, " sha256:" + hex,
        "sha256:" + hex + "\n", "sha256:../" + hex.substr(3), "sha256:" + hex.substr(1) + '\0',
        ":" + hex}) {
    EXPECT_THROW(Digest::parse(text), base::Error) << text;
  }
}

TEST(Digest, AMessageAboutABadOneIsShortAndPrintable) {
  try {
    Digest::parse("\x1b[2J" + std::string(100'000, 'x'));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 1000u);
    EXPECT_EQ(std::string_view(error.what()).find('\x1b'), std::string_view::npos);
  }
}

TEST(ChainId, IsThatOfTheSpec) {
  const DiffId a{Digest::parse("sha256:" + std::string(64, 'a'))};
  const DiffId b{Digest::parse("sha256:" + std::string(64, 'b'))};
  EXPECT_TRUE(chain_id({}).digest.empty());
  EXPECT_EQ(chain_id(std::vector{a}).digest, a.digest);
  EXPECT_EQ(chain_id(std::vector{a, b}).digest,
            Digest::of(base::as_bytes(a.digest.str() + " " + b.digest.str())));
  EXPECT_NE(chain_id(std::vector{a, b}), chain_id(std::vector{b, a}));
}

}  // namespace
}  // namespace bld::image
