#include "cmd/listing.h"

#include <gtest/gtest.h>

namespace bld::cmd {
namespace {

const std::vector<Column> kColumns{{"ID", "IMAGE ID"}, {"Name", "REPOSITORY"}};

std::vector<Value> rows() {
  return {Value::Record{{{"ID", "", "1"}, {"Name", "", "localhost/one"}}},
          Value::Record{{{"ID", "", "22"}, {"Name", "", "two"}}}};
}

TEST(Listing, APlainTemplateHasNoHeader) {
  EXPECT_EQ(list_by_template("{{.ID}} {{.Name}}", rows(), kColumns, Header::kShown),
            "1 localhost/one\n22 two\n");
  EXPECT_EQ(list_by_template(R"({{.ID}}\n)", rows(), kColumns, Header::kShown), "1\n22\n");
}

TEST(Listing, ATableHasAlignedColumns) {
  EXPECT_EQ(list_by_template("table {{.ID}} {{.Name}}", rows(), kColumns, Header::kShown),
            "IMAGE ID   REPOSITORY\n1          localhost/one\n22         two\n");
  EXPECT_EQ(list_by_template(R"(table {{.ID}}\t{{.Name}})", rows(), kColumns, Header::kLeftOut),
            "1    localhost/one\n22   two\n");
}

TEST(Listing, JsonIsIndentedByFour) {
  EXPECT_EQ(json_text(rows()[1]), "{\n    \"ID\": \"22\",\n    \"Name\": \"two\"\n}\n");
  EXPECT_EQ(json_text(Value::List{}), "[]\n");
}

}  // namespace
}  // namespace bld::cmd
