// A tree as large as a host's.
#include "discover/walk.h"
#include "fakes/temporary_directory.h"
#include "pki/issued.h"
#include "pki/pkcs12.h"

#include <array>
#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::discover {
namespace {

void write_file(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(file);
}

TEST_CASE("of 100,000 files of all kinds each certificate is found once and each trouble is named") {
  constexpr std::size_t kFiles = 100'000;
  constexpr std::size_t kFolder = 1'000;
  const pki::testing::Authority root = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(pki::KeyType::ecdsa_p256, 7);
  const pki::Certificate leaf = pki::testing::issue(pki::testing::server_template("www.example.org", key), root);
  const std::string der(base::as_text(leaf.der()));
  const std::string encrypted(base::as_text(
      pki::make_pkcs12(key, std::array{leaf}, "", base::Secret(std::string_view("unknown")), pki::Pkcs12Form::modern)
          .reveal()));
  constexpr std::size_t kHuge = std::size_t{1} << 20;
  struct {
    const char* end;
    std::string text;
    std::size_t certificates, troubles;
    Reason reason;
  } const kinds[] = {
      {".pem", leaf.pem() + root.certificate.pem(), 2, 0, Reason::broken},
      {".der", der, 1, 0, Reason::broken},
      {".txt", "nothing here\n", 0, 0, Reason::broken},
      {".key", std::string(key.pem().reveal_text()), 0, 0, Reason::broken},
      {"-cut.pem", leaf.pem().substr(0, 400), 0, 1, Reason::truncated},
      {"-cut.der", der.substr(0, 300), 0, 1, Reason::truncated},
      {"-broken.crt", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", 0, 1, Reason::broken},
      {".bin", std::string("\0\1\n", 3) + leaf.pem(), 1, 0, Reason::broken},
      {".iso", std::string(70'000, '\0'), 0, 0, Reason::broken},
      {".yaml",
       "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {tls.crt: " + base::base64(leaf.der()) + "}\n", 1, 0,
       Reason::broken},
  };
  const fakes::TemporaryDirectory tree;
  std::map<std::string, std::pair<std::size_t, std::size_t>> expected;  // path -> certificates, troubles
  for (std::size_t i = 0; i < kFiles; ++i) {
    const std::string folder = fmt::format("{}/{}", tree.path(), i / kFolder);
    if (i % kFolder == 0) REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
    const auto& kind = kinds[i % std::size(kinds)];
    const std::string path = fmt::format("{}/{}{}", folder, i, kind.end);
    // One in a hundred of the large kind is as large as that; many would only fill the disk.
    const bool is_large = kind.text.size() > 10'000;
    write_file(path, is_large && i % 1'000 != 8 ? std::string_view("\0", 1) : std::string_view(kind.text));
    if (kind.certificates + kind.troubles > 0) expected[path] = {kind.certificates, kind.troubles};
  }
  write_file(tree / "locked.p12", encrypted);
  write_file(tree / "huge.pem", leaf.pem() + std::string(kHuge, '\n'));
  expected[tree / "locked.p12"] = expected[tree / "huge.pem"] = {0, 1};

  Walk wanted;
  wanted.roots = {tree.path()};
  wanted.limits.file_size = kHuge;
  std::map<std::string, std::pair<std::size_t, std::size_t>> found;
  std::map<Reason, std::size_t> reasons;
  std::set<std::string> stamps;
  const Summary summary =
      walk(wanted, Passwords(),
           [&](File&& file) {
             stamps.insert(file.path + file.stamp.text());
             for (const Trouble& trouble : file.troubles) ++reasons[trouble.reason];
             if (file.certificates.empty() && file.troubles.empty()) return;
             CHECK(found.emplace(file.path, std::pair(file.certificates.size(), file.troubles.size())).second);
           },
           {});
  CHECK(found == expected);
  CHECK(reasons == std::map<Reason, std::size_t>{{Reason::encrypted, 1},
                                                 {Reason::broken, kFiles / 10},
                                                 {Reason::truncated, kFiles / 5},
                                                 {Reason::too_large, 1}});
  CHECK(summary.files == kFiles + 2);
  CHECK(summary.is_whole);

  wanted.known = [&](const std::string& path, const Stamp& stamp) { return stamps.contains(path + stamp.text()); };
  const Summary again = walk(wanted, Passwords(), [](File&&) {}, {});
  CHECK(again.unchanged == kFiles + 2);
  CHECK(again.read == 0);
}

}  // namespace
}  // namespace everseal::discover
