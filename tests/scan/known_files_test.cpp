// A second walk over files that are unchanged reads none of them, and tells the same.
#include "scan/known_files.h"

#include "base/file.h"
#include "inventory/certificates.h"
#include "inventory/files.h"
#include "inventory/retention.h"
#include "pki/pkcs12.h"
#include "scan/bench.h"
#include "scan/difference.h"
#include "scan/discovery.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <sys/stat.h>

namespace everseal::scan {
namespace {

namespace fs = std::filesystem;

struct Tree : Bench {
  std::string root = directory / "tree";

  Tree() {
    fs::create_directory(root);
    request.paths = {root};
    now += kHour;  // what a test writes is not young any more
  }
  void write(const std::string& name, std::string_view text) const { std::ofstream(root + "/" + name) << text; }
  // What is said of each file, and how many were read.
  struct Seen {
    std::map<std::string, std::string> told;
    std::uint64_t read = 0;
  };
  Seen walk(const discover::Passwords& passwords = {}) {
    discover::Walk wanted;
    wanted.roots = {root};
    Seen seen;
    seen.read = walk_known(wanted, passwords, &store, now,
                           [&](const discover::File& file) {
                             seen.told[file.path.substr(root.size() + 1)] = text_of(file);
                             for (const auto& one : file.certificates)
                               inventory::Certificates(store).add(std::array{one.certificate}, now);
                           },
                           {})
                    .read;
    return seen;
  }

 private:
  static std::string text_of(const discover::File& file) {
    std::string text = fmt::format("{} {}", to_string(file.container), file.is_trust_store);
    for (const auto& one : file.certificates)
      text += fmt::format("; {} {} {} {}", one.position, base::printable(one.entry), to_string(one.key),
                          one.certificate.fingerprint().text());
    for (const auto& one : file.keys)
      text += fmt::format("; key {} {}", base::printable(one.entry), base::hex(*one.pin));
    for (const auto& one : file.troubles) text += fmt::format("; {} {}", to_string(one.reason), one.what);
    return text;
  }
};

// Locked by a password, under a name that is not ASCII.
std::string locked(const Tree& tree, const std::string& password) {
  const auto chain = tree.chain("locked.example.org");
  return std::string(base::as_text(pki::make_pkcs12(tree.key, chain, "h\xc3\xa9 name",
                                                    base::Secret(std::string_view(password)), pki::Pkcs12Form::modern)
                                       .reveal()));
}

}  // namespace

TEST_CASE("what is unchanged is not read again and told as before, what changed is") {
  Tree tree;
  const auto chain = tree.chain("www.example.org");
  const std::string key(tree.key.pem().reveal_text());
  const std::string broken = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
  fs::create_directory(tree.root + "/sub");
  tree.write("pair.pem", chain[0].pem() + chain[1].pem() + key);
  tree.write("sub/leaf.der", base::as_text(chain[0].der()));
  tree.write("opened.p12", locked(tree, "changeit"));
  tree.write("broken.pem", broken);
  tree.write("half.pem", chain[0].pem() + broken);
  tree.write("notes.txt", "nothing here\n");
  tree.write("locked.p12", locked(tree, "unknown"));
  const Tree::Seen first = tree.walk();
  CHECK(first.read == 7);

  // Of what is encrypted somebody may know the password the next time.
  tree.now += kHour;
  Tree::Seen again = tree.walk();
  CHECK(again.read == 1);
  CHECK(again.told == first.told);

  tree.write("notes.txt", chain[0].pem());
  tree.write("sub/leaf.der", base::as_text(chain[1].der()));
  tree.write("new.pem", chain[1].pem());
  fs::remove(tree.root + "/broken.pem");
  fs::rename(tree.root + "/pair.pem", tree.root + "/sub/pair.pem");
  tree.now += kHour;
  again = tree.walk();
  CHECK(again.read == 5);
  CHECK(again.told.size() == 7);
  CHECK(again.told.at("notes.txt").find(chain[0].fingerprint().text()) != std::string::npos);
  CHECK(again.told.at("sub/pair.pem") == first.told.at("pair.pem"));
  std::vector<std::string> known;
  inventory::Files(tree.store).each_below(tree.root, discover::kReader, [&](const inventory::Files::Known& row) {
    known.emplace_back(row.path.substr(tree.root.size() + 1));
  });
  CHECK(known ==
        std::vector<std::string>{"half.pem", "new.pem", "notes.txt", "opened.p12", "sub/leaf.der", "sub/pair.pem"});

  // Of the key nothing is kept but the digest of its public half.
  std::string kept;
  for (const auto& entry : fs::recursive_directory_iterator(tree.store.state()))
    if (entry.is_regular_file()) kept += base::as_text(base::read_file(entry.path(), 1 << 24));
  CHECK(kept.find(base::as_text(chain[0].fingerprint().octets)) != std::string::npos);
  CHECK(kept.find(key.substr(key.find('\n') + 1, 48)) == std::string::npos);
  const std::string body = key.substr(key.find('\n') + 1, key.rfind("\n-----END") - key.find('\n') - 1);
  const auto der = base::from_base64(base::join(base::split(body, '\n'), ""));
  REQUIRE(der);
  // The private number of P-256 in PKCS#8 (RFC 5208, RFC 5915).
  CHECK(kept.find(base::as_text(*der).substr(36, 32)) == std::string::npos);

  // Nothing read more than 400 days ago stands in for reading.
  inventory::prune(tree.store, tree.now + inventory::kRemembered + 2 * kHour);
  CHECK(tree.walk().read == 7);
}

TEST_CASE("what may have changed unseen, or is remembered in part, is read again") {
  Tree tree;
  tree.write("a.pem", tree.chain("www.example.org")[0].pem());
  tree.now = t::kNow;  // it was written in this very second
  CHECK(tree.walk().read == 1);
  tree.now += kHour;
  CHECK(tree.walk().read == 1);
  CHECK(tree.walk().read == 0);

  // Other octets under the same time: that of the inode tells.
  const auto time = fs::last_write_time(tree.root + "/a.pem");
  tree.write("a.pem", tree.chain("abc.example.org")[0].pem());
  fs::last_write_time(tree.root + "/a.pem", time);
  CHECK(tree.walk().read == 1);
  CHECK(tree.walk().read == 0);

  tree.store.transaction(
      [&] { tree.store.database().execute("delete from certificate_name; delete from certificate"); });
  const Tree::Seen seen = tree.walk();
  CHECK(seen.told.at("a.pem").find("pem false; 1") == 0);
  tree.store.transaction([&] { tree.store.database().execute("update file set holds = x'a1'"); });
  CHECK(tree.walk().told == seen.told);
  tree.store.transaction([&] { tree.store.database().execute("update file set reader = 0"); });
  CHECK(tree.walk().read == 1);
}

TEST_CASE("an audit judges unchanged files anew without reading them, and forgets those that are gone") {
  Tree tree;
  const auto chain = tree.chain("www.example.org", 40 * t::kDay);
  tree.write("a.pem", chain[0].pem());
  tree.write("b.pem", chain[0].pem());
  tree.write("c.conf", chain[0].pem());
  const auto remark_of = [](const Bench::Result& result) { return base::join(result.outcome.remarks, "\n"); };
  auto result = tree.run();
  REQUIRE(result.places.size() == 3);
  CHECK(rules_of(result.places[0]).empty());
  CHECK(remark_of(result).find("3 files looked at in 1 directory") != std::string::npos);

  tree.now += 35 * t::kDay;
  const base::Time before = tree.now;
  fs::remove(tree.root + "/b.pem");
  tree.write("c.conf", "nothing any more\n");
  result = tree.run();
  REQUIRE(result.places.size() == 1);
  CHECK(rules_of(result.places[0]) == Texts{"expiring"});
  CHECK(result.places[0].certificates.size() == 1);
  CHECK(remark_of(result).find("2 files looked at in 1 directory; 1 of them not read again") != std::string::npos);
  Texts gone;
  for (const Difference& one : differences(tree.store, {before, tree.now}))
    if (one.presence == Difference::Presence::gone) gone.push_back(one.place.name.raw() + ": " + one.text());
  std::ranges::sort(gone);
  REQUIRE(gone.size() == 2);
  CHECK(gone[0] == tree.root + "/b.pem: it is gone, or holds no certificate any more");

  // One that cannot be reached at the moment is not gone.
  fs::create_directory(tree.root + "/sub");
  tree.write("sub/d.pem", chain[0].pem());
  tree.now += kHour;
  tree.run();
  tree.now += kHour;
  tree.request.paths = {tree.root + "/nowhere"};
  tree.run();
  CHECK_FALSE(inventory::Places(tree.store).find(PlaceKind::file, tree.root + "/sub/d.pem", "")->gone);
}

TEST_CASE("discover reads what changed and forgets what is gone") {
  Tree tree;
  tree.write("a.pem", tree.chain("www.example.org")[0].pem());
  tree.write("b.pem", tree.chain("b.example.org")[0].pem());
  const auto discover = [&] {
    tree.now += kHour;
    Discovery found = discover_host({.servers = {}, .paths = {tree.root}}, &tree.store, tree.now, {});
    remember(tree.store, found, "", tree.now);
    return found;
  };
  CHECK(discover().walked.read == 2);
  fs::remove(tree.root + "/b.pem");
  const Discovery found = discover();
  CHECK(found.walked.read == 0);
  REQUIRE(found.files.size() == 1);
  CHECK(found.files[0].certificates.size() == 1);
  inventory::Places places(tree.store);
  CHECK_FALSE(places.find(PlaceKind::file, tree.root + "/a.pem", "")->gone);
  CHECK(places.find(PlaceKind::file, tree.root + "/b.pem", "")->gone);
}

TEST_CASE("files that vanished all at once are told as one, and are gone after a week") {
  struct Row {
    const char* about;
    void (*vanish)(const std::string& root, const std::string& aside);
    std::string emptied;  // below the root
    std::vector<std::string> kept, gone;
  };
  const Row rows[] = {
      {"a mount point without its file system",
       [](const std::string& root, const std::string& aside) {
         fs::rename(root + "/mounted", aside);
         fs::create_directory(root + "/mounted");
       },
       "/mounted",
       {"/mounted/a.pem", "/mounted/sub/b.pem"},
       {}},
      {"the root is empty",
       [](const std::string& root, const std::string& aside) {
         fs::rename(root, aside);
         fs::create_directory(root);
       },
       "",
       {"/mounted/a.pem", "/mounted/sub/b.pem", "/other.pem"},
       {}},
      {"the root is not there",
       [](const std::string& root, const std::string& aside) { fs::rename(root, aside); },
       "",
       {"/mounted/a.pem", "/mounted/sub/b.pem", "/other.pem"},
       {}},
      {"a directory was taken away",
       [](const std::string& root, const std::string&) { fs::remove_all(root + "/mounted"); },
       "none",
       {},
       {"/mounted/a.pem", "/mounted/sub/b.pem"}},
      {"one file was taken away, and its directory is empty",
       [](const std::string& root, const std::string&) { fs::remove(root + "/mounted/sub/b.pem"); },
       "none",
       {},
       {"/mounted/sub/b.pem"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.about);
    Tree tree;
    fs::create_directories(tree.root + "/mounted/sub");
    const std::string pem = tree.chain("www.example.org", 10 * t::kDay)[0].pem();
    for (const char* name : {"mounted/a.pem", "mounted/sub/b.pem", "other.pem"}) tree.write(name, pem);
    tree.request.paths = {tree.root + "/"};
    CHECK(base::join(tree.run().outcome.remarks, "\n").find("there is no certificate") == std::string::npos);
    const auto is_gone = [&](const std::string& path) {
      return inventory::Places(tree.store).find(PlaceKind::file, tree.root + path, "")->gone.has_value();
    };
    const std::string told =
        fmt::format("nothing is left in {}{}, where {} files", tree.root, row.emptied, row.kept.size());
    const auto says = [&](const Bench::Result& result) {
      return std::ranges::count_if(result.outcome.remarks,
                                   [&](const std::string& remark) { return remark.starts_with("nothing is left"); }) ==
                 (row.kept.empty() ? 0 : 1) &&
             (row.kept.empty() || base::join(result.outcome.remarks, "\n").find(told) != std::string::npos);
    };
    row.vanish(tree.root, tree.directory / "aside");
    const base::Time vanished = tree.now;
    for (const int days : {1, 6}) {
      tree.now = vanished + days * t::kDay;
      CHECK(says(tree.run()));
      for (const std::string& path : row.kept) CHECK_FALSE_MESSAGE(is_gone(path), path);
      for (const std::string& path : row.gone) CHECK_MESSAGE(is_gone(path), path);
    }
    tree.now = vanished + 8 * t::kDay;
    const auto result = tree.run();
    CHECK(base::join(result.outcome.remarks, "\n").find("nothing is left") == std::string::npos);
    for (const std::string& path : row.kept) CHECK_MESSAGE(is_gone(path), path);
  }
}

}  // namespace everseal::scan
