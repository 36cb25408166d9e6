// What a foreign CA writes into a certificate reaches the operator and his hooks, and steers neither.
#include "base/text.h"
#include "system/site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

constexpr std::size_t kNames = 10'000;

// A DER element in hex.
std::string element(const std::string& tag, const std::string& hex) {
  const std::size_t size = hex.size() / 2;
  if (size < 0x80) return fmt::format("{}{:02x}{}", tag, size, hex);
  return fmt::format("{}83{:06x}{}", tag, size, hex);
}

// localhost, and names with CR, LF, ESC, NUL and U+202E.
std::string hostile_names() {
  const auto hex = [](const std::string& text) { return base::hex(base::to_bytes(text)); };
  std::string names = element("82", hex("localhost"));
  for (std::size_t i = 0; i < kNames; ++i)
    names += element("82", hex(fmt::format("a\r\n\x1b[2J{}\u202e{}.test", '\0', i)));
  return element("30", names);
}

bool is_harmless(const std::string& text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 && c != '\n') || octet == 0x7f) return false;
  }
  return !contains(text, "\u202e") && base::is_utf8(text);
}

}  // namespace

TEST_CASE("a certificate with ten thousand hostile names is shown harmlessly everywhere") {
  const Site site(Site::Ca::none);
  run_or_fail({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
               "900", "-subj", "/CN=Far\x1b[31m CA", "-keyout", site / "ca.key", "-out", site / "ca.pem"});
  write_text(site / "extensions", "subjectAltName = DER:" + hostile_names() + "\n");
  const std::string issue =
      site.script("issue", fmt::format("exec openssl x509 -req -days 90 -CA {0}/ca.pem -CAkey {0}/ca.key -set_serial "
                                       "0x$(openssl rand -hex 8) -extfile {0}/extensions",
                                       site.path()));
  const std::string hook = site.script("hook", fmt::format("env > {}/environment", site.path()));
  site.configure(fmt::format("[issuer.far]\ntype = \"exec\"\ncommand = [\"{}\"]\n[certificate.web]\nissuer = "
                             "[\"far\"]\nidentifiers = [\"localhost\"]\n",
                             issue) +
                 deploy_table({.directory = site.server_directory("tls"), .reload = hook, .verify = {}}));

  require_status(site.everseal({"init"}), 0);
  const base::Exit renewed = site.everseal({"-v", "-v", "renew"}, {.output_limit = 64 << 20});
  require_status(renewed, 0);
  REQUIRE(contains(read_text(site / "environment"), "EVERSEAL_NAME=web"));
  CHECK(is_harmless(renewed.output));
  CHECK(is_harmless(renewed.errors));
  CHECK(is_harmless(read_text(site / "environment")));
  const std::string file = site.state() + "/live/web/cert.pem";
  const Json names = site.json({"inspect", file}).at("items").at(0).at("names");
  REQUIRE(names.size() == kNames + 1);
  CHECK(contains(names.at(1).at("value"), std::string("\x1b[2J\0\u202e", 8)));
  CHECK(contains(run_or_fail(site.command({"inspect", file})), "\\x1b[2J"));
  for (const Words& words : {Words{"list"}, Words{"list", "--all"}, Words{"show", "web"}, Words{"history", "web"},
                             Words{"plan"}, Words{"inspect", file}}) {
    for (const bool json : {false, true}) {
      Words all = words;
      if (json) all.emplace_back("--json");
      INFO(fmt::format("{}", fmt::join(all, " ")));
      const base::Exit shown = site.everseal(all, {.output_limit = 64 << 20});
      require_status(shown, 0);
      CHECK(is_harmless(shown.output));
      CHECK(is_harmless(shown.errors));
      if (json) CHECK_FALSE(Json::parse(shown.output).is_discarded());
    }
  }
}
