#include "importer/foreign_files.h"

#include "importer/fixture.h"
#include "importer/registration.h"
#include "skip.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace everseal::importer::testing {
namespace {

using base::Fault;

TEST_CASE("a key gets its chain, in order, from whatever files hold it") {
  const Issued issued({"www.example.org"}, 1);
  const Issued other({"other.example.org"}, 2);
  const Tree tree;
  const std::string leaf = tree.write("leaf", issued.leaf_pem()), issuer = tree.write("issuer", issued.issuer_pem()),
                    all = tree.write("all", issued.chain_pem()), empty = tree.write("empty", " \n"),
                    reversed = tree.write("reversed", issued.issuer_pem() + issued.leaf_pem()),
                    text = tree.write("text", "Subject: x\n" + issued.chain_pem() + "more\n"),
                    more = tree.write("more", other.leaf_pem() + issued.chain_pem()), none = tree / "none",
                    garbage = tree.write("garbage\x1b", "x"),
                    der = tree.write("der", base::as_text(issued.chain[0].der()));
  const std::vector<std::string> accepts[] = {
      {all},  {leaf, issuer}, {issuer, leaf},     {all, leaf, issuer}, {reversed},
      {text}, {more},         {none, empty, all}, {der, issuer},
  };
  for (const auto& paths : accepts) {
    CAPTURE(base::join(paths, " "));
    const KeyPair pair = read_key_pair(ClientDirectory(tree.path()), issued.key.pem(), paths);
    CHECK(pair.chain == issued.chain);
    CHECK(pair.key.value().public_key_info() == issued.key.public_key_info());
  }
  const struct {
    std::vector<std::string> paths;
    Fault fault;
    const char* message;
  } rejects[] = {
      {{}, Fault::not_found, "there is no certificate at "},
      {{none, empty}, Fault::not_found, "/none or "},
      {{tree.write("other", other.chain_pem())}, Fault::invalid, "belongs to the private key"},
      {{issuer}, Fault::invalid, "belongs to the private key"},
      {{garbage}, Fault::invalid, "garbage\\x1b: no certificate found"},
      {{all, garbage}, Fault::invalid, "garbage\\x1b: no certificate found"},
      {{tree.path()}, Fault::invalid, "is not a regular file"},
  };
  for (const auto& [paths, fault, message] : rejects) {
    CAPTURE(base::join(paths, " "));
    const auto read_it = [&] { read_key_pair(ClientDirectory(tree.path()), issued.key.pem(), paths); };
    CHECK(judge::fault_of(read_it) == fault);
    CHECK_MESSAGE(judge::contains(judge::message_of(read_it), message), judge::message_of(read_it));
  }
}

TEST_CASE("what cannot be looked at is neither file nor folder, and has no names in it") {
  const Tree tree;
  tree.write("folder/b", "");
  tree.write("folder/a", "");
  tree.write("folder/.hidden", "");
  tree.link("link", "folder");
  tree.link("loop", "loop");
  tree.link("dangling", "none");
  CHECK(names_in(tree / "folder") == std::vector<std::string>{"a", "b"});
  CHECK(names_in(tree / "link") == std::vector<std::string>{"a", "b"});
  CHECK(is_directory(tree / "link"));
  CHECK(is_file(tree / "link/a"));
  CHECK_FALSE(is_file(tree / "link"));
  for (const std::string& name : {std::string("loop"), std::string("dangling"), std::string("none"),
                                  std::string("folder/a/b"), std::string(300, 'a'), std::string("loop/a")}) {
    CAPTURE(name);
    CHECK_FALSE(is_directory(tree / name));
    CHECK_FALSE(is_file(tree / name));
    CHECK(names_in(tree / name).empty());
  }
  const ClientDirectory directory(tree.path());
  CHECK(directory.read_if_there(tree / "none").empty());
  CHECK(directory.read_if_there(tree / "dangling").empty());
  CHECK(judge::fault_of([&] { directory.read(tree / "none"); }) == Fault::not_found);
  CHECK(judge::fault_of([&] { directory.read_if_there(tree / "loop"); }) == Fault::io);
}

TEST_CASE("a client's files are read in its directory alone, and those of strangers not at all") {
  const Tree tree;
  tree.write("client/folder/file", "own");
  tree.write("secret/file", "hunter2");
  tree.write("client2/file", "hunter2");
  tree.link("client/relative", "folder/file");
  tree.link("client/absolute", tree / "client/folder/file");
  tree.link("client/roundabout", "../client/folder/../folder/file");
  tree.link("client/directory", "folder");
  tree.link("client/out", "../secret/file");
  tree.link("client/twice", "out");
  tree.link("client/beside", "../client2/file");
  tree.link("client/secrets", "../secret");
  tree.link("other-name", "client");
  for (const std::string top : {"client", "other-name"}) {
    CAPTURE(top);
    const ClientDirectory directory(tree / top);
    for (const std::string name : {"folder/file", "relative", "absolute", "roundabout", "directory/file"}) {
      CAPTURE(name);
      CHECK(directory.read(fmt::format("{}/{}", tree / top, name)).reveal_text() == "own");
    }
    for (const std::string name : {"out", "twice", "beside", "secrets/file"}) {
      CAPTURE(name);
      const auto read = [&] { directory.read_if_there(fmt::format("{}/{}", tree / top, name)); };
      CHECK(judge::fault_of(read) == Fault::denied);
      CHECK_MESSAGE(judge::contains(judge::message_of(read), "leads out of"), judge::message_of(read));
    }
  }
  if (::geteuid() != 0) return;  // who is not root cannot give files away
  const struct {
    uid_t directory, file;
    bool is_read;
  } rows[] = {{0, 0, true}, {1000, 0, true}, {1000, 1000, true}, {0, 1000, false}, {1000, 1001, false}};
  const std::string file = tree / "client/folder/file";
  for (const auto& [directory, owner, is_read] : rows) {
    CAPTURE(directory);
    CAPTURE(owner);
    REQUIRE(::chown((tree / "client").c_str(), directory, directory) == 0);
    REQUIRE(::chown(file.c_str(), owner, owner) == 0);
    const auto read = [&] { ClientDirectory(tree / "client").read(file); };
    if (is_read)
      CHECK_NOTHROW(read());
    else
      CHECK(judge::contains(judge::message_of(read), "belongs to another user than"));
  }
}

TEST_CASE("folders that hold a file are found at any depth, the nearest first, and circles end") {
  const Tree tree;
  for (const char* const folder : {"c/d/e", "a", "b/a"}) tree.write(std::string("top/") + folder + "/key", "");
  tree.write("top/.hidden/key", "");
  tree.write("top/b/other", "");
  tree.link("top/c/broken/key", "none");
  tree.link("top/file", "none");
  CHECK(folders_with(tree / "top", "key") == std::vector<std::string>{"/a", "/b/a", "/c/broken", "/c/d/e"});
  CHECK(folders_with(tree / "none", "key").empty());
  CHECK(folders_with(tree / "top/a", "key") == std::vector<std::string>{""});
  tree.link("top/a/loop", ".");
  const auto found = folders_with(tree / "top", "key");
  CHECK(found.front() == "/a");
  CHECK(found.size() < 20);
  // Links of every folder to each other would take for ever.
  for (int i = 0; i < 5; ++i)
    for (int k = 0; k < 5; ++k) tree.link(fmt::format("web/{}/{}", i, k), fmt::format("../{}", k));
  CHECK(judge::fault_of([&] { folders_with(tree / "web", "key"); }) == Fault::invalid);
}

TEST_CASE("servers are known by the URL of their directory, or where they are") {
  const struct {
    std::string url, authority;
  } rows[] = {
      {"https://ca.example.net/dir", "ca.example.net"},
      {"https://CA.example.net:14000/dir", "ca.example.net:14000"},
      {"https://ca.example.net", "ca.example.net"},
      {"https://ca.example.net?x", "ca.example.net"},
      {"https://[2001:db8::1]:14000/dir", "[2001:db8::1]:14000"},
      {"http://ca.example.net/dir", ""},
      {"https:/ca.example.net/dir", ""},
      {"https:///dir", ""},
      {"https://", ""},
      {"ca.example.net", ""},
      {"", ""},
  };
  for (const auto& [url, authority] : rows) {
    CAPTURE(url);
    CHECK(authority_of(url) == authority);
    CHECK(server_of(url) == (authority.empty() ? Server() : Server{url, authority}));
  }
  CHECK(server_at("acme-v02.api.letsencrypt.org").directory == "https://acme-v02.api.letsencrypt.org/directory");
  CHECK(server_at("acme.zerossl.com").directory == "https://acme.zerossl.com/v2/DV90");
  CHECK(server_at("ca.example.net:14000") == Server{"", "ca.example.net:14000"});
  CHECK(server_at("") == Server());
}

TEST_CASE("zones are what the config calls so") {
  const std::pair<std::string, std::string> rows[] = {
      {"example.org", "example.org"},
      {" *.Example.org ", "example.org"},
      {"bücher.example", "xn--bcher-kva.example"},
      {"localhost", "localhost"},
      {"192.0.2.1", ""},
      {"[2001:db8::1]", ""},
      {"ops@example.org", ""},
      {"https://example.org", ""},
      {"a..b", ""},
      {"a b", ""},
      {"", ""},
      {"*", ""},
  };
  for (const auto& [name, zone] : rows) {
    CAPTURE(name);
    const auto identifier = identifier_of(name);
    CHECK((identifier ? zone_of(*identifier) : std::string()) == zone);
  }
}

TEST_CASE("only ports are options") {
  const std::pair<std::string, std::string> rows[] = {{"1", "1"},
                                                      {"65535", "65535"},
                                                      {"0", ""},
                                                      {"65536", ""},
                                                      {"-1", ""},
                                                      {"+1", ""},
                                                      {"80 ", ""},
                                                      {"0x50", ""},
                                                      {"", ""},
                                                      {"a", ""},
                                                      {"99999999999999999999", ""}};
  for (const auto& [text, port] : rows) {
    CAPTURE(text);
    base::Table options;
    put_port(options, "port", text);
    CHECK(options.size() == (port.empty() ? 0 : 1));
    if (!port.empty()) CHECK(to_text(options.front().second) == port);
  }
}

TEST_CASE("one that fails becomes a remark, and the rest goes on") {
  Found found;
  each_alone(found, "a", [] { throw base::Error(Fault::invalid, "it is broken", "mend it"); });
  each_alone(found, "b", [] {});
  CHECK(remarks_of(found) == "! a: it is broken (mend it)\n");
  CHECK(shown("\x1b[2J") == "\\x1b[2J");
  CHECK(shown(std::string(401, 'a')) == std::string(400, 'a') + "...");
}

TEST_CASE("what a registration does not say, or says in other types, is left out") {
  const struct {
    std::string json, url;
    std::vector<std::string> contact;
  } rows[] = {
      {R"({"body": {}, "uri": "https://ca/1"})", "https://ca/1", {}},
      {R"({"body": {"contact": ["mailto:a@b", 7, "nothing"]}, "uri": "u"})", "u", {"mailto:a@b"}},
      {R"({"email": "a@b", "registration": {"uri": "u", "body": {"contact": null}}})", "u", {"mailto:a@b"}},
      {R"({"email": "a@b", "registration": {"accountURL": "u", "contact": ["mailto:c@d"]}})", "u", {"mailto:c@d"}},
      {R"({"email": "none", "registration": null})", "", {}},
      {R"({"uri": {}, "accountURL": [], "body": 7, "contact": {}})", "", {}},
      {"[{\"uri\": \"u\"}]", "", {}},
      {"\"uri\"", "", {}},
      {"{\"uri\": \"u\"", "", {}},
      {"\xff", "", {}},
      {"", "", {}},
      {std::string(100'000, '['), "", {}},
  };
  for (const auto& [json, url, contact] : rows) {
    CAPTURE(json.substr(0, 80));
    const Registration found = read_registration(json);
    CHECK(found.url == url);
    CHECK(found.contact == contact);
  }
}

// Damages every file of `tree`, one at a time, many times; reading must not end in anything but what it declares.
void check_damage_is_survived(const Tree& tree, std::string_view client) {
  std::size_t found_something = 0;
  for (const auto& entry : fs::recursive_directory_iterator(tree.path())) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    const base::Bytes whole = base::read_file(entry.path().string(), 1 << 20);
    if (whole.empty()) continue;
    const auto read_damaged = [&](base::BytesView damaged) {
      std::ofstream(entry.path(), std::ios::binary) << base::as_text(damaged);
      const Found found = read_as(client, tree.path());
      found_something += found.lineages.size();
      for (const Remark& remark : found.remarks) CHECK_FALSE(judge::contains(remark.text, "hunter2"));
    };
    judge::check_damage_is_survived(whole, read_damaged, 10);
    std::ofstream(entry.path(), std::ios::binary) << base::as_text(whole);
  }
  CHECK(found_something > 0);
}

TEST_CASE("no damage to a file of another client ends the reading") {
  const Issued issued({"www.example.org"});
  const Tree certbot;
  for (const char* const file : {"cert", "fullchain", "privkey"})
    certbot.write(fmt::format("live/a/{}.pem", file), file[0] == 'p' ? issued.key_pem() : issued.chain_pem());
  certbot.write("cred.ini", "dns_cloudflare_api_token = hunter2\n");
  certbot.write("renewal/a.conf",
                fmt::format("[renewalparams]\naccount = b\nserver = https://ca/dir\nreuse_key = True\n"
                            "authenticator = dns-cloudflare\n"
                            "dns_cloudflare_credentials = {}\n[[webroot_map]]\na = /b\n",
                            certbot / "cred.ini"));
  certbot.write("accounts/ca/dir/b/regr.json", R"({"body": {"contact": ["mailto:a@b"]}, "uri": "https://ca/1"})");
  certbot.write("cli.ini", "email = a@b\n");
  check_damage_is_survived(certbot, "certbot");

  const Tree lego;
  lego.write("certificates/a.crt", issued.chain_pem());
  lego.write("certificates/a.key", issued.key_pem());
  lego.write("certificates/a.json", R"({"domain": "a", "certUrl": "https://ca/1"})");
  lego.write("accounts/ca/b/account.json", R"({"email": "a@b", "registration": {"uri": "https://ca/1"}})");
  lego.write("accounts/ca/b/keys/b.key", issued.key_pem());
  check_damage_is_survived(lego, "lego");

  const Tree acme_sh;
  acme_sh.write("account.conf", "SAVED_CF_Token='hunter2'\nACCOUNT_EMAIL='a@b'\n");
  acme_sh.write("a.org/a.org.conf",
                "Le_Domain='a.org'\nLe_Alt='b.org'\nLe_Webroot='/a,dns_cf'\nLe_API='https://ca/dir'\n"
                "Le_ReloadCmd='__ACME_BASE64__START_YWJj__ACME_BASE64__END_'\n");
  acme_sh.write("a.org/a.org.key", issued.key_pem());
  acme_sh.write("a.org/fullchain.cer", issued.chain_pem());
  acme_sh.write("ca/ca/dir/ca.conf", "ACCOUNT_URL='https://ca/1'\n");
  acme_sh.write("ca/ca/dir/account.key", issued.key_pem());
  check_damage_is_survived(acme_sh, "acme.sh");
}

TEST_CASE("what only root may read is told to who is not root") {
  if (skipped_without_root()) return;
  const Issued issued({"www.example.org"});
  const Tree tree;
  for (const char* const name : {"closed", "open"}) {
    tree.write(fmt::format("certificates/{}.crt", name), issued.chain_pem());
    tree.write(fmt::format("certificates/{}.key", name), issued.key_pem());
    tree.write(fmt::format("certificates/{}.json", name), "{}");
  }
  ::chmod((tree / "certificates/closed.key").c_str(), 0600);
  ::chmod(tree.path().c_str(), 0755);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const Found found = find_kind("lego")->read(tree.path());
    const std::string remarks = remarks_of(found);
    ::_exit(labels_of(found) == "open" && judge::contains(remarks, "! closed: cannot open ") &&
                    judge::contains(remarks, "permission denied")
                ? 0
                : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace everseal::importer::testing
