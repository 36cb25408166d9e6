#include "base/text.h"
#include "report/audit_sample.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace everseal::report;

namespace {

std::string shown(const std::vector<AuditedPlace>& places, std::optional<std::size_t> width = std::nullopt) {
  return reported("table", places, width).text;
}

}  // namespace

TEST_CASE("the table says of each place in a line how it stands, and below it what is wrong there") {
  CHECK(shown(audit_places(), 80) ==
        "STATE     LIFE      LEFT            PLACE\n"
        "ok        ██████░░  63 days         www.example.org:443 at 10.0.0.1:443  prod\n"
        "warning   █░░░░░░░  9 days          shop.example.org:443 at 10.0.0.2:443\n"
        "          warning expiring: the certificate of shop.example.org ends in 9 days\n"
        "critical  ░░░░░░░░  3 days ago      old.example.org:443 at 10.0.0.3:443  staging\n"
        "          critical expired: the certificate of older.example.org ended\n"
        "            2026-11-27T08:00:00Z\n"
        "          error name-mismatch: it speaks for older.example.org, not for\n"
        "            old.example.org\n"
        "failed              -               db.example.org:5432\n"
        "          error timed-out: no answer within 5 s\n"
        "known     █░░░░░░░  5 days          lab.example.org:8443 at 10.0.0.4:8443\n"
        "ok        ██████░░  63 days         /etc/nginx/tls/fullchain.pem\n"
        "\n"
        "6 places looked at in 7 seconds: 1 critical, 1 error, 1 warning, 1 notice, 1\n"
        "  known; 1 failed\n"
        "`everseal audit --explain RULE` says what a rule means and what to do.\n");
}

TEST_CASE("the table says below a place what a survey told, and nothing of it where none was made") {
  AuditedPlace place = surveyed_place();
  CHECK(shown({place}, 80) ==
        "STATE     LIFE      LEFT            PLACE\n"
        "ok        █████░░░  60 days         deep.example.org:443 at 10.0.0.9:443\n"
        "          versions: TLSv1.3, TLSv1.2\n"
        "          ciphers: TLS_AES_256_GCM_SHA384, ECDHE-ECDSA-AES128-GCM-SHA256 (in the\n"
        "            server's order)\n"
        "          groups: X25519, P-256\n"
        "          does: resumes sessions, takes no X25519MLKEM768, answers a split\n"
        "            ClientHello, sends Strict-Transport-Security: max-age=<b>\\x1b\n"
        "\n"
        "1 place looked at in 7 seconds: nothing found\n");
  place.offer->versions.clear();
  place.offer->ciphers.clear();
  place.offer->groups.clear();
  CHECK(shown({place}, 80).find("does:") == std::string::npos);
}

TEST_CASE("a faultless place is one line of the table, with its notices where there is room") {
  const std::vector<AuditedPlace> places{audit_places().front()};
  CHECK(shown(places, 80) ==
        "STATE     LIFE      LEFT            PLACE\n"
        "ok        ██████░░  63 days         www.example.org:443 at 10.0.0.1:443  prod\n"
        "\n"
        "1 place looked at in 7 seconds: 1 notice\n");
  const std::string wide = shown(places, 160);
  CHECK_MESSAGE(wide.find("TLSv1.3  ECDSA P-256  R11                   www.example.org:443 at 10.0.0.1:443  prod  "
                          "managed as www  (no-post-quantum)\n") != std::string::npos,
                wide);
  CHECK(shown(places).find("(no-post-quantum)") != std::string::npos);
}

TEST_CASE("what one rule finds at a place is one line, however often, and so is a notice") {
  AuditedPlace place = audit_places().front();
  place.findings.clear();
  for (const char* what : {"the first", "the second", "the third"})
    place.findings.push_back(audit_finding("weak-key", "error", what));
  for (const char* what : {"a", "b"}) place.findings.push_back(audit_finding("no-post-quantum", "notice", what));
  const std::string text = shown({place});
  CHECK(text.find("error weak-key: the first; and 2 more of it\n") != std::string::npos);
  CHECK(text.find("the second") == std::string::npos);
  CHECK(text.find("(no-post-quantum, 2 times)") != std::string::npos);
}

TEST_CASE("a bundle of CA certificates is shown as one") {
  AuditedPlace place = audit_places().front();
  place.place.kind = inventory::PlaceKind::file;
  place.place.name = base::Untrusted("/etc/ssl/ca.pem");
  place.place.address.clear();
  place.probe.leaf.reset();
  place.findings.clear();
  place.certificates.resize(1);
  place.certificates.front().is_ca = true;
  place.certificates.push_back(place.certificates.front());
  place.managed.reset();
  CHECK(shown({place}).find("/etc/ssl/ca.pem  prod  2 CA certificates") != std::string::npos);
}

TEST_CASE("no line of the table is wider than the terminal, and no name is cut") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("/srv/" + std::string(150, 'p') + "/cert.pem", "", {}));
  for (const std::size_t width : {60U, 80U, 109U, 110U, 160U}) {
    CAPTURE(width);
    std::string joined;
    for (const std::string& line : base::split(shown(places, width), '\n')) {
      CHECK_MESSAGE(base::columns(line) <= width, line);
      joined += base::trim(line);
    }
    CHECK(joined.find("/srv/" + std::string(150, 'p') + "/cert.pem") != std::string::npos);
  }
}

TEST_CASE("a row of the table is written as soon as its place is known") {
  std::string out;
  const auto sink = require_audit_kind("table").open({.write = [&](std::string_view text) { out += text; }});
  sink->begin(audit_head());
  sink->place(audit_places().front());
  CHECK(out.find("www.example.org:443") != std::string::npos);
}

TEST_CASE("the table's colours follow what was found, and are there only where they are wanted") {
  const std::string text = reported("table", audit_places(), 80, Emphasis::colours).text;
  CHECK(text.find("\x1b[31mcritical\x1b[0m") != std::string::npos);
  CHECK(text.find("\x1b[33mwarning\x1b[0m") != std::string::npos);
  CHECK(text.find("\x1b[32mok\x1b[0m") != std::string::npos);
  CHECK(shown(audit_places(), 80).find('\x1b') == std::string::npos);
}

TEST_CASE("the table's bar is empty only where nothing is left") {
  using namespace std::chrono_literals;
  const struct {
    base::Seconds left;
    const char* row;
  } cases[] = {{90 * kDay, "████████  90 days"},  {89 * kDay, "████████  89 days"}, {45 * kDay, "████░░░░  45 days"},
               {1s, "█░░░░░░░  1 second"},        {0s, "░░░░░░░░  0 seconds"},      {-1s, "░░░░░░░░  1 second ago"},
               {200 * kDay, "████████  200 days"}};  // begins in the future
  for (const auto& one : cases) {
    CAPTURE(one.row);
    const std::string text = shown({audit_place("a:443", "", {audit_certificate("a", one.left)})}, 80);
    CHECK_MESSAGE(text.find(one.row) != std::string::npos, text);
  }
}

TEST_CASE("the table's last lines tell what was not covered") {
  AuditSummary summary = audit_summary({});
  summary.not_looked = 3;
  summary.remarks = {"no CRL was fetched, as [audit] fetch is \"none\""};
  CHECK(reported("table", {}, summary).text ==
        "0 places looked at in 7 seconds: nothing found; 3 not looked at\n"
        "no CRL was fetched, as [audit] fetch is \"none\"\n");
}
