// A registry with TLS whose certificate nobody knows.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/process.h"
#include "registry/copy_image.h"
#include "tests/registry/fixture.h"

namespace bld::registry {
namespace {

using test::RegistryTest;

class TlsTest : public RegistryTest {
 protected:
  void SetUp() override {
    if (base::find_program("openssl").empty()) GTEST_SKIP() << "openssl is not installed";
    base::ProcessOptions options;
    options.args = {"openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=127.0.0.1",
                    "-addext",
                    "subjectAltName=IP:127.0.0.1",
                    "-keyout",
                    (directory_ / "server.key").string(),
                    "-out",
                    (directory_ / "server.crt").string()};
    const base::ProcessResult result = base::run_process(options);
    ASSERT_EQ(result.exit_status, 0) << result.error_output;
    registry_ = std::make_unique<test::FakeRegistry>("good", "", (directory_ / "server").string());
    connection_.tls_verify = true;
  }

  store::ImageRecord pull_app() { return pull(there_, "docker://" + registry_->host() + "/app:1"); }

  std::unique_ptr<test::FakeRegistry> registry_;
};

TEST_F(TlsTest, UnknownCertificateIsRefused) {
  const std::string error = test::error_of([&] { pull_app(); });
  EXPECT_NE(error.find("certificate"), std::string::npos) << error;
  EXPECT_TRUE(registry_->seen().empty());
}

TEST_F(TlsTest, CertificatesOfADirectoryAreTrusted) {
  std::filesystem::create_directory(directory_ / "certs");
  std::filesystem::copy_file(directory_ / "server.crt", directory_ / "certs/ca.crt");
  connection_.cert_dir = directory_ / "certs";
  pull_app();
  EXPECT_TRUE(there_.check().empty());
}

TEST_F(TlsTest, CertificatesOfTheUserAreFound) {
  const auto certs = surroundings_.home() / (".config/containers/certs.d/" + registry_->host());
  std::filesystem::create_directories(certs);
  std::filesystem::copy_file(directory_ / "server.crt", certs / "ca.crt");
  pull_app();
}

TEST_F(TlsTest, TokensAreNotFetchedOverPlainHttp) {
  const test::FakeRegistry other("good");
  const test::FakeRegistry registry("foreign-realm", other.host(),
                                    (directory_ / "server").string());
  std::filesystem::create_directory(directory_ / "certs");
  std::filesystem::copy_file(directory_ / "server.crt", directory_ / "certs/ca.crt");
  connection_.cert_dir = directory_ / "certs";
  const std::string error =
      test::error_of([&] { pull(there_, "docker://" + registry.host() + "/app:1"); });
  EXPECT_NE(error.find("plain http is not used"), std::string::npos) << error;
  EXPECT_EQ(registry.count("/manifests/"), 1U);
  EXPECT_TRUE(other.seen().empty());
}

TEST_F(TlsTest, UnverifiedStaysEncrypted) {
  connection_.tls_verify = false;
  pull_app();
  EXPECT_GE(registry_->count("/manifests/"), 1U);
}

TEST_F(TlsTest, CertificateWithoutKeyIsAnError) {
  std::filesystem::create_directory(directory_ / "certs");
  directory_.write("certs/client.cert", "x");
  connection_.cert_dir = directory_ / "certs";
  EXPECT_NE(test::error_of([&] { pull_app(); }).find("client.key"), std::string::npos);
}

}  // namespace
}  // namespace bld::registry
