// The page for people.
#include "../skip.h"
#include "report/audit_sample.h"
#include "report/said_by.h"

#include <fstream>
#include <regex>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::report;

namespace {

std::vector<std::string> all_of(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), regex); at != std::sregex_iterator(); ++at)
    found.push_back((*at)[1]);
  return found;
}

std::size_t position(const std::string& text, std::string_view part) {
  const auto at = text.find(part);
  REQUIRE_MESSAGE(at != std::string::npos, part);
  return at;
}

// So many places with one finding each.
std::vector<AuditedPlace> expiring_places(int count) {
  std::vector<AuditedPlace> places;
  for (int i = 0; i < count; ++i) {
    const std::string name = "host-" + std::to_string(i);
    places.push_back(audit_place(name + ":443", "", {audit_certificate(name, 9 * kDay + base::Seconds{i})}));
    places.back().findings.push_back(audit_finding("expiring", "warning", name + " ends soon"));
  }
  return places;
}

}  // namespace

TEST_CASE("the page needs no script and nothing from outside") {
  const std::string page = reported("html", audit_places()).text;
  for (const char* const none : {"<script", "http://", "https://", "url(", "@import", "<img", "<iframe", "javascript:"})
    CHECK_MESSAGE(page.find(none) == std::string::npos, none);
  for (const std::string& link : all_of(page, "href=\"([^\"]*)\""))
    CHECK_MESSAGE((link.starts_with("#") || link == "data:,"), link);
  CHECK(page.find("default-src 'none'") != std::string::npos);
}

TEST_CASE("a screen reader finds its way through the page") {
  const std::string page = reported("html", audit_places()).text;
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  for (const char* const part : {"<main>", "<header>", "<footer>", "<nav aria-label=", "<title>TLS audit of ", "<h1>"})
    position(page, part);
  const auto ids = all_of(page, " id=\"([^\"]*)\"");
  const std::set<std::string> known(ids.begin(), ids.end());
  CHECK(known.size() == ids.size());
  for (const char* const pattern : {"href=\"#([^\"]*)\"", "aria-labelledby=\"([^\"]*)\""})
    for (const std::string& id : all_of(page, pattern)) CHECK_MESSAGE(known.contains(id), id);
  for (const std::string& attributes : all_of(page, "<th([^e>][^>]*|)>"))
    CHECK_MESSAGE(attributes.find("scope=") != std::string::npos, attributes);
  CHECK(all_of(page, "(<table)").size() == all_of(page, "(<caption>)").size());
  for (const std::string& attributes : all_of(page, "<svg([^>]*)>")) {
    CHECK(attributes.find("role=\"img\"") != std::string::npos);
    CHECK(attributes.find("aria-label=") != std::string::npos);
  }
}

TEST_CASE("each link of the page leads somewhere, whatever there is to show") {
  for (const auto& some : {std::vector<AuditedPlace>(), {unreachable_place()}, audit_places(), {surveyed_place()}}) {
    const std::string page = reported("html", some).text;
    const auto ids = all_of(page, " id=\"([^\"]*)\"");
    for (const std::string& id : all_of(page, "href=\"#([^\"]*)\""))
      CHECK_MESSAGE(std::ranges::find(ids, id) != ids.end(), id);
  }
}

TEST_CASE("the page shows what a survey told, and the labels of a place") {
  std::vector<AuditedPlace> places = audit_places();
  const std::string without = reported("html", places).text;
  CHECK(without.find("What the servers take") == std::string::npos);
  position(without, "managed as www, rack=r1");
  places.push_back(surveyed_place());
  const std::string page = reported("html", places).text;
  const std::string offers = page.substr(position(page, "id=\"offers\""));
  position(offers, "TLSv1.3, TLSv1.2");
  position(offers, "TLS_AES_256_GCM_SHA384, ECDHE-ECDSA-AES128-GCM-SHA256 (in the server&#39;s order)");
  position(offers, "X25519, P-256");
  position(offers,
           "resumes sessions, takes no X25519MLKEM768, answers a split ClientHello, "
           "sends Strict-Transport-Security: max-age=&lt;b&gt;\\x1b");
  CHECK(offers.find("www.example.org:443") == std::string::npos);
}

TEST_CASE("the page keeps nothing of a place that is gone by its end") {
  std::string page;
  const auto sink = require_audit_kind("html").open({.write = [&](std::string_view part) { page += part; }});
  sink->begin(audit_head());
  std::vector<AuditedPlace> places = audit_places();
  for (AuditedPlace& place : places) {
    sink->place(place);
    for (AuditedFinding& one : place.findings) one.finding.severity.assign(one.finding.severity.size(), 'x');
  }
  sink->end(audit_summary({}));
  CHECK(page == reported("html", audit_places(), audit_summary({})).text);
}

TEST_CASE("the page shows the worst first") {
  const std::string page = reported("html", audit_places()).text;
  CHECK(position(page, "<code class=\"quiet\">expired</code>") <
        position(page, "<code class=\"quiet\">expiring</code>"));
  const std::string places = page.substr(position(page, "id=\"places\""));
  CHECK(position(places, "old.example.org:443") < position(places, "db.example.org:5432"));
  CHECK(position(places, "db.example.org:5432") < position(places, "shop.example.org:443"));
  CHECK(position(places, "shop.example.org:443") < position(places, "www.example.org:443"));
}

TEST_CASE("the page says what to do, who knows, and unknown where nothing is known") {
  const std::string page = reported("html", audit_places()).text;
  position(page, "<strong>What to do:</strong> Renew it: <code>everseal renew NAME</code>.");
  position(page, "<td data-label=\"Who\">alice</td>");
  position(page, "<td data-label=\"Ends\">unknown</td>");
  position(page, "since <time datetime=\"2026-11-27T08:00:00Z\">2026-11-27</time>");
  CHECK(page.find("1970") == std::string::npos);
}

TEST_CASE("the page stays readable with many places: each is in the table, and a finding names the first") {
  const std::string page = reported("html", expiring_places(120)).text;
  for (int i = 0; i < 120; ++i) {
    const std::string name = ">host-" + std::to_string(i) + ":443";
    CHECK_MESSAGE(page.find(name, page.find("id=\"places\"")) != std::string::npos, name);
  }
  position(page, "<li>and 100 more: see");
  position(page, "The first 20 of 120 certificates to end");
  CHECK(reported("html", expiring_places(20)).text.find("more: see") == std::string::npos);
}

TEST_CASE("the page says once what it says of several places") {
  std::vector<AuditedPlace> places;
  for (const char* const name : {"a", "b", "c"}) {
    places.push_back(surveyed_place());
    places.back().place.name = base::Untrusted(std::string(name) + ".example.org:25");
    places.back().place.address.clear();
    places.back().findings = {audit_finding("no-post-quantum", "notice", "it takes no X25519MLKEM768")};
  }
  places.back().findings.front().finding.what = "it takes none";
  const std::string page = reported("html", places).text;
  CHECK(all_of(page, "(it takes no X25519MLKEM768\\n<ul><li><strong>a.example.org:25)").size() == 1);
  CHECK(all_of(page, "(it takes no X25519MLKEM768)").size() == 1);
  position(page, "<li class=\"name\"><strong>c.example.org:25</strong>: it takes none</li>");
  const std::string offers = page.substr(position(page, "id=\"offers\""));
  position(offers, "a.example.org:25<br/>b.example.org:25<br/>c.example.org:25</th>");
  CHECK(all_of(offers, "(resumes sessions)").size() == 1);
}

TEST_CASE("what ended is not shown as well though somebody knows of it") {
  std::vector<AuditedPlace> places{audit_place("a:443", "", {audit_certificate("a", -kDay)})};
  for (const char* const severity : {"critical", "quiet"}) {
    places.front().findings = {audit_finding("expired", "critical", "a ended")};
    places.front().findings.front().in_baseline = std::string_view(severity) == "quiet";
    const std::string page = reported("html", places).text;
    position(page, fmt::format("<span class=\"whole {}\">(1 day ago)</span>", severity));
    position(page, fmt::format("<g class=\"{}\">", severity));
  }
}

TEST_CASE("what is rare among many issuers is one row of the page") {
  std::vector<AuditedPlace> places;
  for (int i = 0; i < 30; ++i) {
    places.push_back(audit_place("h" + std::to_string(i), "", {audit_certificate("h", kDay)}));
    places.back().certificates.front().issuer = base::Untrusted("CN=CA " + std::to_string(i));
  }
  const std::string page = reported("html", places).text;
  position(page, "<th scope=\"row\">21 others</th><td class=\"number\">21</td>");
}

TEST_CASE("the page is well-formed") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("<a&b>\"']]>\x01:443", "", {audit_certificate("<&>", kDay)}));
  for (const auto& some : {std::vector<AuditedPlace>(), places, expiring_places(60)}) {
    const auto said = said_by("xmllint", "--noout -", reported("html", some).text);
    if (!said) return skip_test("xmllint is not installed (Debian: libxml2-utils)");
    CHECK(*said == "");
  }
}
