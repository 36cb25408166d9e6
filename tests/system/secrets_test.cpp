// Keys and passphrases are where they belong, and nowhere else.
#include "base/file.h"
#include "pki/key.h"
#include "system/site.h"

#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

struct Needle {
  std::string what;
  std::string text;
};

void add_forms(std::vector<Needle>& needles, const std::string& what, base::BytesView octets) {
  needles.push_back({what + ", raw", std::string(base::as_text(octets))});
  needles.push_back({what + ", hex", base::hex(octets)});
  needles.push_back({what + ", base64", base::base64(octets)});
  needles.push_back({what + ", base64url", base::base64url(octets)});
}

// The private scalar of an elliptic curve key (RFC 5915: version 1, then the OCTET STRING), in PKCS#8.
base::BytesView scalar_of(base::BytesView der) {
  constexpr std::string_view mark("\x02\x01\x01\x04\x20", 5);
  const auto at = base::as_text(der).find(mark);
  REQUIRE(at != std::string_view::npos);
  return der.subspan(at + mark.size(), 32);
}

void add_key(std::vector<Needle>& needles, const std::string& file,
             const std::optional<base::Secret>& passphrase = {}) {
  const pki::PrivateKey key = pki::PrivateKey::parse(base::Secret(read_text(file)), passphrase);
  const base::Secret der = key.der();
  add_forms(needles, file, der.reveal());
  add_forms(needles, file + " (scalar)", scalar_of(der.reveal()));
  // One line in the middle of a PEM file, as it stands there.
  needles.push_back({file + ", a line of PEM", base::base64(der.reveal()).substr(64, 64)});
}

std::vector<std::string> found(const std::vector<Needle>& needles, const std::string& hay) {
  std::vector<std::string> what;
  for (const Needle& needle : needles)
    if (contains(hay, needle.text)) what.push_back(needle.what);
  return what;
}

// Command lines and environments of every process, as far as they live on while we look.
std::string everything_of_processes() {
  std::string all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const char* file : {"/cmdline", "/environ"}) {
      try {
        all += read_text(entry.path().string() + file) + "\n";
      } catch (const std::exception&) {
        continue;  // it ended
      }
    }
  }
  return all;
}

bool may_hold_key(const fs::path& path) {
  const std::string name = path.filename();
  return name == "privkey.pem" || name.ends_with(".key.pem") || name.ends_with(".p12") || name.ends_with(".passphrase");
}

}  // namespace

TEST_CASE("no private key and no passphrase leaves the files that are made for them") {
  const std::string intermediate_passphrase = "tr0ub4dor-and-3-intermediates";
  const std::string root_passphrase = "root-of-all-that-is-signed-here";
  const std::string p12_password = "p12-password-never-to-be-seen";
  const Site site(Site::Ca::none);
  fs::create_directory(site / "tls");
  write_text(site / "intermediate.passphrase", intermediate_passphrase + "\n", 0600);
  write_text(site / "root.passphrase", root_passphrase + "\n", 0600);
  write_text(site / "p12.passphrase", p12_password + "\n", 0600);

  const std::string started = site / "started";
  const std::string go = site / "go";
  const std::string reload =
      site.script("reload", fmt::format("touch {}; while ! [ -e {} ]; do sleep 0.02; done", started, go));
  const std::string authority =
      fmt::format("\n[authority.demo]\npassphrase_file = \"{}\"\n", site / "intermediate.passphrase");
  site.configure(authority);
  std::string said;
  const auto hear = [&](const Words& words) {
    const base::Exit exit = site.everseal(words, {.output_limit = 64 << 20});
    require_status(exit, 0);
    said += exit.output + exit.errors;
  };
  hear({"-v", "-v", "ca", "init", "demo", "--root-passphrase-file", site / "root.passphrase"});
  site.configure(authority + certificate_table("web") +
                 deploy_table({.directory = site / "tls",
                               .reload = reload,
                               .verify = {},
                               .more = fmt::format("contents = [\"fullchain\", \"privkey\", \"combined\", \"p12\"]\n"
                                                   "p12_password_file = \"{}\"",
                                                   site / "p12.passphrase")}));

  std::string processes;
  std::string files;
  const auto renew_and_look = [&](const Words& words) {
    fs::remove(started);
    fs::remove(go);
    base::Exit exit;
    {
      const std::jthread worker([&] { exit = site.everseal(words); });
      wait_until("the reload", [&] { return fs::exists(started); });
      processes += everything_of_processes();
      // While a run is at work its write-ahead log is there.
      for (const auto& entry : fs::directory_iterator(site.state()))
        if (entry.is_regular_file()) files += read_text(entry.path().string());
      CHECK(fs::exists(site.state() + "/everseal.db-wal"));
      write_text(go, "");
    }
    require_status(exit, 0);
    said += exit.output + exit.errors;
  };
  renew_and_look({"-v", "-v", "renew"});
  renew_and_look({"-v", "-v", "renew", "web", "--force"});
  for (const Words& words : {Words{"history"}, Words{"history", "--json"}, Words{"show", "web"},
                             Words{"show", "web", "--json"}, Words{"list", "--all", "--json"}, Words{"config", "show"},
                             Words{"-v", "-v", "plan"}, Words{"-v", "-v", "doctor"}})
    hear(words);

  std::vector<Needle> needles{{"the intermediate's passphrase", intermediate_passphrase},
                              {"the root's passphrase", root_passphrase},
                              {"the PKCS#12 password", p12_password}};
  std::size_t keys = 0;
  for (const auto& entry : fs::recursive_directory_iterator(site.state() + "/archive"))
    if (entry.path().filename() == "privkey.pem") {
      add_key(needles, entry.path().string());
      ++keys;
    }
  CHECK(keys == 2);
  for (const auto& entry : fs::recursive_directory_iterator(site.state() + "/authorities"))
    if (entry.path().filename().string().ends_with(".key.pem") &&
        !entry.path().filename().string().starts_with("root")) {
      add_key(needles, entry.path().string(), base::Secret(intermediate_passphrase));
      ++keys;
    }
  CHECK(keys == 3);
  REQUIRE(processes.find(reload) != std::string::npos);  // we did look at the hook

  for (const auto& entry : fs::recursive_directory_iterator(site.path())) {
    if (!entry.is_regular_file()) continue;
    struct stat status {};
    REQUIRE(::stat(entry.path().c_str(), &status) == 0);
    const std::string text = read_text(entry.path().string());
    if (may_hold_key(entry.path()) || contains(entry.path().string(), "/tls/")) {
      if (!found(needles, text).empty()) CHECK_MESSAGE((status.st_mode & 0077) == 0, entry.path().string());
      continue;
    }
    for (const std::string& what : found(needles, text)) FAIL_CHECK(what, " is in ", entry.path().string());
  }
  for (const std::string& what : found(needles, said)) FAIL_CHECK(what, " was printed");
  for (const std::string& what : found(needles, processes)) FAIL_CHECK(what, " is in /proc");
  for (const std::string& what : found(needles, files)) FAIL_CHECK(what, " is in the database or its log");
  // The search finds what is there.
  CHECK_FALSE(found(needles, read_text(site.state() + "/live/web/privkey.pem")).empty());
}
