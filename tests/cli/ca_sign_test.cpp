// `ca sign` over many CSRs: one that cannot be signed or written is told, and costs no other its certificate.
#include "cli/host.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace everseal;
using test::Words;

namespace {

class Signer : public test::Host {
 public:
  Signer() { std::filesystem::create_directory(folder.file("out")); }

  std::string csr(const std::string& path, const std::string& name) const {
    return test::Host::csr(path, "DNS:" + name);
  }
  base::Exit sign(const Words& csrs, int status, const std::string& out = "out") const {
    Words words{"ca", "sign", "corp", "--out-dir", folder.file(out)};
    words.insert(words.end(), csrs.begin(), csrs.end());
    return run(words, status);
  }
  // The names of the files that were written.
  Words out() const {
    Words names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.file("out")))
      if (!entry.path().string().ends_with(".key")) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
};

}  // namespace

TEST_CASE("each CSR's certificate has a file of its own, whatever the CSR's extension") {
  const Signer host;
  struct Row {
    const char* csr;
    const char* file;
  };
  const Row rows[] = {{"in/host.csr", "host.pem"},
                      {"in/www.example.net", "www.example.net.pem"},
                      {"in/www.example.org", "www.example.org.pem"},
                      {"in/upper.CSR", "upper.pem"},
                      {"in/other.pem", "other.pem"},
                      {"in/one.req", "one.pem"}};
  Words csrs;
  Words files;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    csrs.push_back(host.csr(rows[i].csr, fmt::format("n{}.example.test", i)));
    files.emplace_back(rows[i].file);
  }
  std::ranges::sort(files);
  host.sign(csrs, 0);
  CHECK(host.out() == files);
  for (std::size_t i = 0; i < std::size(rows); ++i)
    CHECK(test::look_at(host.folder.file(std::string("out/") + rows[i].file), {"-ext", "subjectAltName"})
              .find(fmt::format("n{}.example", i)) != std::string::npos);
  host.sign(csrs, 0);  // a later run replaces the certificates of an earlier one
  CHECK(host.count_signed() == 2 * std::size(rows));
}

TEST_CASE("what cannot be read or written is refused before it is signed, and the others are signed and written") {
  const Signer host;
  const std::string good = host.csr("in/good.csr", "good.example.test");
  const std::string fifo = host.folder.file("in/fifo.csr");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const std::string key = host.folder.write("out/guarded.pem", host.folder.read("in/good.csr.key"), 0600);
  std::filesystem::create_directory(host.folder.file("out/taken.pem"));
  const std::string long_name = host.folder.file("in/" + std::string(253, 'z'));
  std::filesystem::copy_file(good, long_name);
  struct Row {
    Words csrs;
    std::string message;
  };
  const Row rows[] = {
      {{fifo}, "not a regular file"},
      {{host.csr("a/host.csr", "a.example.test"), host.csr("b/host.csr", "b.example.test")}, "would both be"},
      {{host.csr("a/same.csr", "a.example.test"), host.csr("a/same.req", "b.example.test")}, "would both be"},
      {{host.csr("in/taken.csr", "taken.example.test")}, "taken.pem is no regular file"},
      {{host.csr("in/guarded.csr", "guarded.example.test")}, "guarded.pem exists and is no certificate"},
      {{host.csr("out/x.pem", "x.example.test")}, "written over the CSR"},
      {{long_name}, "too long for the name of a file"},
      {{host.folder.file("in/missing.csr")}, "no such file"},
      {{host.folder.write("in/garbage.csr", "garbage")}, "not a usable certificate request"},
  };
  const std::string csr_before = host.folder.read("out/x.pem");
  const std::string key_before = host.folder.read("out/guarded.pem");
  std::size_t count = 0;
  for (const Row& row : rows) {
    CAPTURE(row.message);
    Words csrs = row.csrs;
    csrs.push_back(good);
    const base::Exit exit = host.sign(csrs, 4);
    CHECK_MESSAGE(exit.errors.find(row.message) != std::string::npos, exit.errors);
    CHECK(host.count_signed() == ++count);
    CHECK(std::filesystem::remove(host.folder.file("out/good.pem")));
  }
  CHECK(host.folder.read("out/x.pem") == csr_before);
  CHECK(host.folder.read("out/guarded.pem") == key_before);
  CHECK(host.out() == Words{"guarded.pem", "taken.pem", "x.pem"});
}

TEST_CASE("nothing is signed where the directory is missing or cannot be written") {
  const Signer host;
  const std::string csr = host.csr("in/host.csr", "host.example.test");
  CHECK(host.sign({csr}, 1, "nosuch").errors.find("nosuch") != std::string::npos);
  host.folder.write("file", "");
  host.sign({csr}, 1, "file");
  if (::geteuid() != 0) {
    std::filesystem::create_directory(host.folder.file("closed"));
    std::filesystem::permissions(host.folder.file("closed"), std::filesystem::perms::owner_read);
    CHECK(host.sign({csr}, 1, "closed").errors.find("cannot write into") != std::string::npos);
  }
  CHECK(host.count_signed() == 0);
}

TEST_CASE("a CSR comes from standard input or from another command's output") {
  const Signer host;
  const std::string csr = host.csr("in/host.csr", "host.example.test");
  const std::string text = host.folder.read("in/host.csr");
  CHECK(host.run({"ca", "sign", "corp", "-"}, 0, text).output.starts_with("-----BEGIN CERTIFICATE-----"));
  CHECK(host.run({"ca", "sign", "corp", "/dev/stdin"}, 0, text).output.starts_with("-----BEGIN CERTIFICATE-----"));
  host.run({"ca", "sign", "corp", "--out-dir", host.folder.file("out"), "-"}, 0, text);
  CHECK(host.out() == Words{"stdin.pem"});
  host.run({"ca", "sign", "corp", "-"}, 1, "");
  CHECK(host.count_signed() == 3);
}
