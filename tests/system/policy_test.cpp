// What the internal CA refuses, and the rule that it names.
#include "system/site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

class Requests {
 public:
  Requests() {
    site.configure("[profile.device]\nusage = [\"clientAuth\"]\nallow = [\"*.devices.example.org\"]\n");
    require_status(
        site.everseal({"ca", "init", "corp", "--root-passphrase-file", passphrase(), "--permit", "example.org"}), 0);
  }

  std::string csr(const std::string& name, Words more = {}) const {
    std::string file = site / "request.csr";
    Words words{"openssl",
                "req",
                "-new",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                "/",
                "-addext",
                "subjectAltName=DNS:" + name,
                "-keyout",
                site / "request.key",
                "-outform",
                "DER",
                "-out",
                file};
    words.insert(words.end(), more.begin(), more.end());
    run_or_fail(words);
    return file;
  }

  Site site{Site::Ca::none};

 private:
  std::string passphrase() const {
    std::string file = site / "root.passphrase";
    write_text(file, "correct horse battery staple\n", 0600);
    return file;
  }
};

}  // namespace

TEST_CASE("what is outside policy, name constraints or the names' rules is refused with the rule") {
  const Requests corp;
  struct Row {
    Words words;
    int status;
    std::string rule;
  };
  const Row rows[] = {
      {{"ca", "sign", "corp", corp.csr("www.example.net")},
       1,
       "identifier www.example.net: outside the permitted name constraints of CN=corp Intermediate CA 1"},
      {{"issue", "--issuer", "corp", "--once", "-d", "www.example.net"},
       1,
       "identifier www.example.net: outside the permitted name constraints of CN=corp Intermediate CA 1"},
      {{"issue", "--issuer", "corp", "--once", "--profile", "device", "-d", "www.example.org"},
       1,
       "identifier www.example.org: not in the allow list of profile device"},
      {{"issue", "--issuer", "corp", "--once", "-d", "www.example.org", "--lifetime", "3000d"},
       1,
       "that profile server allows"},
      {{"issue", "--issuer", "corp", "--once", "-d", "www.example.org", "--as", "../x"},
       2,
       "certificate name '../x' is not allowed"},
  };
  for (const Row& row : rows) {
    const base::Exit exit = corp.site.everseal(row.words);
    INFO(transcript(exit));
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == row.status);
    CHECK(contains(exit.output + exit.errors, row.rule));
  }
  CHECK(corp.site.count_signed() == 0);
}

TEST_CASE("a CSR proves its key, and gets no extension that it asks for") {
  const Requests corp;
  const std::string file =
      corp.csr("www.example.org", {"-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"});
  const base::Exit made = corp.site.everseal({"ca", "sign", "corp", file});
  require_status(made, 0);
  CHECK(contains(made.errors, "CA:TRUE: left out"));
  const auto leaf = pki::Certificate::parse_all(base::as_bytes(made.output)).front();
  CHECK_FALSE(leaf.is_ca());
  CHECK(leaf.key_usage() == Words{"digitalSignature"});

  std::string der = read_text(file);
  der.back() = static_cast<char>(der.back() ^ 1);
  write_text(file, der);
  const base::Exit refused = corp.site.everseal({"ca", "sign", "corp", file});
  CHECK(refused.status == 1);
  CHECK(contains(refused.errors, "its signature does not verify"));
  CHECK(corp.site.count_signed() == 1);
}

TEST_CASE("a second CA of the same name is refused, with a command that shows the first") {
  const Requests corp;
  const base::Exit exit = corp.site.everseal({"ca", "init", "corp"});
  CHECK(exit.status == 1);
  CHECK(contains(exit.errors, "authority corp exists already"));
  CHECK(contains(exit.errors, "`everseal ca list`"));
  CHECK(contains(run_or_fail(corp.site.command({"ca", "list"})), "corp"));
}
