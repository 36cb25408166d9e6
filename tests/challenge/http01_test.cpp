#include "base/error.h"
#include "base/file.h"
#include "challenge/challenge.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "pki/key.h"
#include "skip.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace everseal;
namespace fs = std::filesystem;

namespace {

class Deaf final : public challenge::Responder {
 public:
  std::unique_ptr<Hold> serve_http(const std::string&, std::uint16_t, const std::string&, const std::string&) override {
    throw base::Error(base::Fault::internal, "a webroot needs no listener");
  }
  std::unique_ptr<Hold> serve_tls_alpn(const std::string&, std::uint16_t, const pki::Identifier&,
                                       const std::string&) override {
    throw base::Error(base::Fault::internal, "http-01 needs no TLS");
  }
};

struct Webroot {
  fakes::TemporaryDirectory place;
  Deaf responder;
  acme::Account account{pki::PrivateKey::generate(pki::KeyType::ecdsa_p256), "https://ca/acct/1"};
  acme::Authorization authorization{.url = "https://ca/z", .identifier = pki::Identifier::parse("www.example.test")};
  acme::Challenge challenge;

  std::unique_ptr<challenge::Answerer> answerer(const std::string& webroot) {
    const challenge::Kind& kind = *challenge::find_kind("http-01");
    challenge::Method method;
    method.type = "http-01";
    base::Problems problems;
    method.options =
        base::Options::validate({{"webroot", base::Value{webroot, {}}}}, kind.options, {}, {}, {}, problems);
    REQUIRE(problems.empty());
    return kind.open(method, responder);
  }
  void present(challenge::Answerer& answerer) {
    challenge.type = "http-01";
    challenge.token = "token";
    const challenge::Task task{authorization, challenge, account};
    answerer.present({&task, 1}, {});
  }
};

}  // namespace

TEST_CASE_FIXTURE(Webroot, "an answer lies below the webroot until it is taken back") {
  const auto made = answerer(place.path());
  present(*made);
  const std::string file = place / ".well-known/acme-challenge/token";
  CHECK(base::as_text(base::read_file(file, 1000)) == acme::key_authorization("token", account.key));
  CHECK(made->clean_up().empty());
  CHECK_FALSE(fs::exists(file));

  const base::Error error = error_of([&] { present(*answerer(place / "none")); });
  CHECK(error.fault() == base::Fault::config);
  CHECK(error.message().find(place / "none") != std::string::npos);
}

TEST_CASE_FIXTURE(Webroot, "as root no webroot is followed that another user has made a link of") {
  if (skipped_without_root()) return;
  for (const char* const name : {"home", "victim", "victim/below"}) fs::create_directory(place / name);
  REQUIRE(::chown((place / "home").c_str(), 65534, 65534) == 0);
  fs::create_directory_symlink(place / "victim", place / "home/www");
  REQUIRE(::lchown((place / "home/www").c_str(), 65534, 65534) == 0);
  for (const char* const name : {"home/www", "home/www/", "home/www/below"}) {
    CAPTURE(name);
    CHECK(error_of([&] { present(*answerer(place / name)); }).fault() == base::Fault::denied);
  }
  CHECK(base::Directory::open(place / "victim").list() == std::vector<std::string>{"below"});
  CHECK(fs::is_empty(place / "victim/below"));
  // His own directory, and root's links, are good: many a webroot is.
  fs::create_directory_symlink("home", place / "link");
  CHECK_NOTHROW(present(*answerer(place / "link")));
  CHECK(fs::is_directory(place / "home/.well-known/acme-challenge"));
}
