// One page that needs nothing else: no script, no outside resource. The worst stands first, so that all is kept until
// the end: half a KB a place. Beyond a few dozen places a finding or timeline names the first ones and counts the
// others; the table of places has all of them.
#include "report/html.h"

#include "report/audited.h"
#include "report/markup.h"
#include "report/styles.h"
#include "report/wrap.h"

#include <algorithm>
#include <array>
#include <climits>

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kMostOfRule = 20;  // places that a finding names
constexpr std::size_t kMostOfTimeline = 20;
constexpr std::size_t kMostOfShares = 10;

constexpr std::string_view kHtmlHead =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
    "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n";

// Handshake times in milliseconds: below which, and how the range is called.
constexpr std::array<std::pair<int, std::string_view>, 8> kLatencies{{{10, "under 10 ms"},
                                                                      {25, "10 to 25 ms"},
                                                                      {50, "25 to 50 ms"},
                                                                      {100, "50 to 100 ms"},
                                                                      {250, "100 to 250 ms"},
                                                                      {500, "250 to 500 ms"},
                                                                      {1000, "500 ms to 1 s"},
                                                                      {INT_MAX, "1 s and more"}}};

// Parts of an offer, and how their columns are called.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOfferParts{
    {{"versions", "Versions"}, {"ciphers", "Cipher suites"}, {"groups", "Groups"}, {"does", "Does"}}};

// Counted texts, the most frequent first; what is beyond the first ones is one row.
std::vector<Share> shares_of(const std::map<std::string, std::int64_t>& counts) {
  std::vector<Share> shares;
  for (const auto& [label, count] : counts) shares.push_back({markup(label), count});
  std::ranges::stable_sort(shares, std::greater(), &Share::count);
  if (shares.size() <= kMostOfShares) return shares;
  Share others{fmt::format("{} others", shares.size() - kMostOfShares + 1), 0};
  for (std::size_t i = kMostOfShares - 1; i < shares.size(); ++i) others.count += shares[i].count;
  shares.resize(kMostOfShares - 1);
  shares.push_back(std::move(others));
  return shares;
}

class HtmlSink : public AuditSink {
 public:
  explicit HtmlSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    head_ = head;
    rules_ = AuditedRules(head.rules);
  }

  void place(const AuditedPlace& place) override {
    const inventory::CertificateRecord* const certificate = main_certificate(place);
    if (!place.probe.tls_version.empty()) ++versions_[place.probe.tls_version];
    if (certificate != nullptr) {
      ++issuers_[issuer_of(*certificate)];
      ++keys_[certificate->key];
      ends_.emplace(certificate->fingerprint,
                    End{markup(cut(base::printable(short_name(certificate->subject.raw())), 40)),
                        time_left(certificate->not_after, place.probe.at), certificate->not_after,
                        class_of_ends(place, *certificate)});
    }
    if (place.probe.handshake) handshakes_.push_back(*place.probe.handshake);
    for (const AuditedFinding& one : place.findings) take(place, one);
    if (is_survey(place.offer)) take_offer(place);
    rows_.push_back({gravity(gravest(place)), certificate != nullptr ? certificate->not_after : base::Time::max(),
                     place.place.text(), std::string(rules_.state_of(place)), row_of(place, certificate),
                     findings_of(place)});
  }

  void compared(const AuditedPlace& place) override {
    for (const AuditedFinding& one : place.findings) take(place, one);
    const auto row = std::ranges::find(rows_, place.place.text(), &Row::place);
    if (row == rows_.end()) return;
    row->findings += (row->findings.empty() ? "" : ", ") + findings_of(place);
    if (row->state != "failed" && gravity(gravest(place)) > row->gravity) row->state = rules_.state_of(place);
    row->gravity = std::max(row->gravity, gravity(gravest(place)));
  }

  int end(const AuditSummary& summary) override {
    std::ranges::stable_sort(rows_, [](const Row& a, const Row& b) {
      return a.gravity != b.gravity ? a.gravity > b.gravity : a.ends < b.ends;
    });
    write(kHtmlHead);
    const std::string title = "TLS audit of " + markup(head_.what);
    write(fmt::format("<title>{}, {}</title>\n<style>\n{}</style>\n</head>\n<body>\n", title,
                      base::format_time(head_.began).substr(0, 10), styles().front().text));
    write("<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n");
    write_head(title, summary);
    write("<main>\n");
    write_summary(summary);
    write_findings();
    write_known();
    write_expiry();
    write_shares();
    write_places();
    write_offers();
    write("</main>\n<footer>\n");
    write(fmt::format("<p class=\"quiet\">Policy {} (SHA-256 <code>{}</code>). Everseal {}.</p>\n",
                      markup(head_.policy), markup(head_.policy_hash), markup(head_.version)));
    for (const inventory::EnvironmentPolicy& one : head_.by_environment)
      write(fmt::format("<p class=\"quiet\">Of {}: policy {} (SHA-256 <code>{}</code>).</p>\n", markup(one.environment),
                        markup(one.policy), markup(one.hash)));
    write("</footer>\n</body>\n</html>\n");
    return summary.exit_code;
  }

 private:
  struct Row {
    int gravity;
    base::Time ends;
    std::string place;
    std::string state;
    std::string html;  // between state and findings
    std::string findings;
  };
  // The same words of one place or of several.
  struct Said {
    std::string what;
    std::vector<std::string> places;
  };
  struct Broken {
    int gravity = 0;
    std::string severity;
    std::size_t count = 0;
    std::vector<Said> said;
  };

  void write(std::string_view text) { surface_.write(text); }

  void begin_section(std::string_view id, std::string_view title) {
    write(fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n", id, title));
  }

  // What ended is not well because somebody knows of it.
  static std::string class_of_ends(const AuditedPlace& place, const inventory::CertificateRecord& certificate) {
    const std::string_view ends = gravest_of_ends(place);
    if (gravity(ends) > gravity("notice")) return std::string(ends);
    return certificate.not_after < place.probe.at ? "quiet" : "ok";
  }

  static std::string issuer_of(const inventory::CertificateRecord& certificate) {
    const NameParts parts = name_parts(certificate.issuer.raw());
    if (parts.common.empty() || parts.organization.empty()) return short_name(certificate.issuer.raw());
    return fmt::format("{} ({})", parts.common, parts.organization);
  }

  void take(const AuditedPlace& place, const AuditedFinding& one) {
    const std::string name = markup_of_printable(place.place.text());
    const std::string what = markup_of_printable(one.finding.what);
    if (const auto& known = one.acknowledgement) {
      known_ += fmt::format(
          "<tr><th scope=\"row\" class=\"name\">{}</th><td data-label=\"Rule\"><code>{}</code></td>"
          "<td data-label=\"Why\">{}</td><td data-label=\"Who\">{}</td><td data-label=\"Until\">{}</td></tr>\n",
          name, markup(one.finding.rule), markup(known->reason), markup(known->actor), html_time(known->until));
      return;
    }
    if (one.in_baseline) {
      known_ += fmt::format(
          "<tr><th scope=\"row\" class=\"name\">{}</th><td data-label=\"Rule\"><code>{}</code></td>"
          "<td data-label=\"Why\">it stands in the baseline</td><td data-label=\"Who\">nobody</td>"
          "<td data-label=\"Until\">no day</td></tr>\n",
          name, markup(one.finding.rule));
      return;
    }
    Broken& broken = broken_[one.finding.rule];
    if (gravity(one.finding.severity) > broken.gravity) {
      broken.gravity = gravity(one.finding.severity);
      broken.severity = one.finding.severity;
    }
    if (++broken.count > kMostOfRule) return;
    const auto same = std::ranges::find(broken.said, what, &Said::what);
    Said& said = same != broken.said.end() ? *same : broken.said.emplace_back(Said{what, {}});
    said.places.push_back(
        fmt::format("<strong>{}</strong>{}", name,
                    one.since ? fmt::format(" <span class=\"quiet\">since {}</span>", html_time(*one.since)) : ""));
  }

  void take_offer(const AuditedPlace& place) {
    std::map<std::string_view, std::string> told;
    for (const OfferPart& part : parts_of(*place.offer)) told[part.name] = markup(part.text);
    std::string cells;
    for (const auto& [name, title] : kOfferParts)
      cells += fmt::format("<td data-label=\"{}\" class=\"name\">{}</td>", title,
                           told.contains(name) ? told.at(name) : "not asked");
    std::string& places = offers_[cells];
    places += (places.empty() ? "" : "<br/>") + markup_of_printable(place.place.text());
  }

  std::string row_of(const AuditedPlace& place, const inventory::CertificateRecord* certificate) const {
    std::string text = fmt::format("<th scope=\"row\" class=\"name\">{}", markup(place.place.name));
    std::vector<std::string> more;
    if (!place.place.address.empty() && place.place.address != place.place.name.raw())
      more.push_back(markup(place.place.address));
    if (!place.addresses.empty())
      more.push_back(counted(static_cast<std::int64_t>(place.addresses.size()), "address", "addresses"));
    if (!place.place.environment.empty()) more.push_back(markup(place.place.environment));
    if (!place.place.team.empty()) more.push_back("team " + markup(place.place.team));
    if (place.managed) more.push_back("managed as " + markup(place.managed->text()));
    for (const auto& [key, value] : labels_of(place)) more.push_back(markup(key + "=" + value));
    if (!more.empty()) text += fmt::format("<br/><span class=\"quiet\">{}</span>", base::join(more, ", "));
    text += "</th>";
    if (certificate != nullptr) {
      text += fmt::format(
          "<td data-label=\"Ends\">{} <span class=\"whole {}\">({})</span></td><td data-label=\"Issuer\" "
          "class=\"name\">{}</td>"
          "<td data-label=\"Key\">{}</td>",
          html_time(certificate->not_after), class_of_ends(place, *certificate),
          time_left(certificate->not_after, place.probe.at), markup(issuer_of(*certificate)), markup(certificate->key));
    } else {
      text +=
          "<td data-label=\"Ends\">unknown</td><td data-label=\"Issuer\">unknown</td><td "
          "data-label=\"Key\">unknown</td>";
    }
    return text + fmt::format("<td data-label=\"TLS\">{}</td>",
                              place.probe.tls_version.empty() ? "none" : markup(place.probe.tls_version));
  }

  static std::string findings_of(const AuditedPlace& place) {
    std::string text;
    for (std::size_t i = 0; i < place.findings.size(); ++i) {
      const AuditedFinding& one = place.findings[i];
      text += fmt::format("{}<span class=\"whole {}\">{}</span>{}", i == 0 ? "" : ", ",
                          counts(one) ? markup(one.finding.severity) : "known", markup(one.finding.rule),
                          counts(one) ? "" : " (known)");
    }
    return text;
  }

  void write_head(const std::string& title, const AuditSummary& summary) {
    write(fmt::format("<header>\n<h1>{}</h1>\n<p class=\"quiet\">{} UTC, from {}, in {}, by policy {}.</p>\n", title,
                      base::format_time(head_.began).substr(0, 16).replace(10, 1, " "), markup(head_.host),
                      base::approximate(summary.ended - head_.began), markup(head_.policy)));
    write("<nav aria-label=\"Sections\"><ul>");
    const auto link = [&](std::string_view id, std::string_view text, bool is_there = true) {
      if (is_there) write(fmt::format("<li><a href=\"#{}\">{}</a></li>", id, text));
    };
    link("summary", "Summary");
    link("findings", "Findings");
    link("known", "Known findings", !known_.empty());
    link("expiry", "Expiry", !ends_.empty());
    link("distribution", "Distribution");
    link("places", "Places");
    link("offers", "What the servers take", !offers_.empty());
    write("</ul></nav>\n</header>\n");
  }

  void write_summary(const AuditSummary& summary) {
    begin_section("summary", "Summary");
    write("<dl class=\"tiles\">\n");
    const auto tile = [&](std::string_view name, std::string_view severity, std::int64_t count) {
      write(
          fmt::format("<div class=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n", count == 0 ? "none" : severity, name, count));
    };
    tile("places looked at", "ok", summary.looked);
    for (const auto& [severity, count] : summary.findings) tile(markup(severity), markup(severity), count);
    tile("known", "known", summary.acknowledged);
    tile("failed", "failed", summary.failed);
    if (summary.not_looked > 0) tile("not looked at", "failed", summary.not_looked);
    write("</dl>\n");
    if (summary.not_looked > 0) write("<p>Not all was looked at.</p>\n");
    if (!summary.remarks.empty()) {
      write("<ul class=\"remarks\">\n");
      for (const std::string& remark : summary.remarks)
        write(fmt::format("<li>{}</li>\n", markup_of_printable(remark)));
      write("</ul>\n");
    }
    write("</section>\n");
  }

  void write_findings() {
    begin_section("findings", "Findings");
    if (broken_.empty()) write("<p>Nothing was found.</p>\n");
    std::vector<const std::pair<const std::string, Broken>*> sorted;
    for (const auto& one : broken_) sorted.push_back(&one);
    std::ranges::stable_sort(sorted, [](const auto* a, const auto* b) {
      return a->second.gravity != b->second.gravity ? a->second.gravity > b->second.gravity
                                                    : a->second.count > b->second.count;
    });
    for (const auto* const one : sorted) {
      const auto& [id, broken] = *one;
      const AuditedRule* const rule = rules_.find(id);
      write(
          fmt::format("<article class=\"rule\">\n<h3>{} {} <code class=\"quiet\">{}</code> <span class=\"quiet\">{}"
                      "</span></h3>\n",
                      html_badge(markup(broken.severity), markup(broken.severity)),
                      rule == nullptr ? markup(id) : sentence_of(rule->summary), markup(id),
                      counted(static_cast<std::int64_t>(broken.count), "time", "times")));
      if (rule != nullptr)
        write(fmt::format("<p>{}</p>\n<p><strong>What to do:</strong> {}</p>\n<p class=\"quiet\">{}</p>\n",
                          markup(rule->meaning), with_commands(rule->remedy), markup(rule->source)));
      write("<ul>\n");
      for (const Said& said : broken.said) write_said(said);
      if (broken.count > kMostOfRule)
        write(fmt::format("<li>and {} more: see <a href=\"#places\">Places</a></li>\n", broken.count - kMostOfRule));
      write("</ul>\n</article>\n");
    }
    write("</section>\n");
  }

  void write_said(const Said& said) {
    if (said.places.size() == 1) {
      write(fmt::format("<li class=\"name\">{}: {}</li>\n", said.places.front(), said.what));
      return;
    }
    write(fmt::format("<li class=\"name\">{}\n<ul>", said.what));
    for (const std::string& place : said.places) write(fmt::format("<li>{}</li>\n", place));
    write("</ul></li>\n");
  }

  // What stands in `backquotes` is what can be typed.
  static std::string with_commands(std::string_view text) {
    std::string out;
    bool is_command = false;
    for (const std::string& part : base::split(text, '`')) {
      out += is_command ? "<code>" + markup(part) + "</code>" : markup(part);
      is_command = !is_command;
    }
    return out;
  }

  static std::string sentence_of(std::string_view text) {
    std::string sentence = markup(text);
    if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
      sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
    return sentence;
  }

  void write_known() {
    if (known_.empty()) return;
    begin_section("known", "Known findings");
    write(
        "<table class=\"places\"><caption>What somebody acknowledged; it counts for nothing until it "
        "ends.</caption><thead><tr><th scope=\"col\">Place</th><th scope=\"col\">Rule</th><th "
        "scope=\"col\">Why</th><th scope=\"col\">Who</th><th scope=\"col\">Until</th></tr></thead><tbody>\n");
    write(known_);
    write("</tbody></table>\n</section>\n");
  }

  void write_expiry() {
    if (ends_.empty()) return;
    begin_section("expiry", "Expiry");
    std::vector<End> ends;
    for (const auto& [fingerprint, end] : ends_) ends.push_back(end);
    std::ranges::stable_sort(ends, {}, &End::time);
    constexpr std::array<std::pair<int, std::string_view>, 7> kSpans{{{0, "ended"},
                                                                      {7, "within 7 days"},
                                                                      {30, "in 7 to 30 days"},
                                                                      {60, "in 30 to 60 days"},
                                                                      {90, "in 60 to 90 days"},
                                                                      {365, "in 90 days to a year"},
                                                                      {INT_MAX, "later"}}};
    std::vector<Share> spans;
    for (const auto& [days, label] : kSpans) spans.push_back({std::string(label), 0});
    for (const End& end : ends) {
      const auto left = end.time - head_.began;
      const auto span = std::ranges::find_if(
          kSpans, [&](const auto& one) { return left <= base::Seconds{86400} * static_cast<std::int64_t>(one.first); });
      ++spans[static_cast<std::size_t>(span - kSpans.begin())].count;
    }
    const std::size_t all = ends.size();
    if (ends.size() > kMostOfTimeline) ends.resize(kMostOfTimeline);
    write("<div class=\"charts\">\n");
    write(html_timeline(all == ends.size() ? "When each certificate ends"
                                           : fmt::format("The first {} of {} certificates to end", ends.size(), all),
                        head_.began, ends));
    write(html_shares("When certificates end", "Ends", "Certificates", spans));
    write("</div>\n</section>\n");
  }

  void write_shares() {
    begin_section("distribution", "Distribution");
    write("<div class=\"charts\">\n");
    write(html_shares("TLS versions agreed on", "Version", "Places", shares_of(versions_)));
    write(html_shares("Issuers", "Issuer", "Places", shares_of(issuers_)));
    write(html_shares("Keys", "Key", "Places", shares_of(keys_)));
    write_latency();
    write("</div>\n");
    if (versions_.empty() && issuers_.empty()) write("<p>No place showed a certificate.</p>\n");
    write("</section>\n");
  }

  void write_latency() {
    if (handshakes_.empty()) return;
    std::ranges::sort(handshakes_);
    std::vector<Share> shares;
    for (const auto& [limit, label] : kLatencies) shares.push_back({std::string(label), 0});
    for (const auto& time : handshakes_) {
      const auto range = std::ranges::find_if(
          kLatencies, [&](const auto& one) { return time < std::chrono::milliseconds(one.first); });
      ++shares[static_cast<std::size_t>(range - kLatencies.begin())].count;
    }
    const auto quantile = [&](double share) {
      const auto at = static_cast<std::size_t>(share * static_cast<double>(handshakes_.size() - 1) + 0.5);
      return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(handshakes_[at]).count());
    };
    write(html_shares(fmt::format("Handshake time: half within {}, 99 of 100 within {}, the slowest {}", quantile(0.5),
                                  quantile(0.99), quantile(1)),
                      "Time", "Places", shares));
  }

  void write_places() {
    begin_section("places", "Places");
    write(fmt::format(
        "<table class=\"places seen\"><caption>{}, the worst first</caption><thead><tr><th scope=\"col\">State</th><th "
        "scope=\"col\">Place</th><th scope=\"col\">Ends</th><th scope=\"col\">Issuer</th><th "
        "scope=\"col\">Key</th><th scope=\"col\">TLS</th><th scope=\"col\">Findings</th></tr></thead><tbody>\n",
        counted(static_cast<std::int64_t>(rows_.size()), "place", "places")));
    for (const Row& row : rows_)
      write(fmt::format("<tr><td>{}</td>{}<td data-label=\"Findings\">{}</td></tr>\n", html_badge(row.state, row.state),
                        row.html, row.findings.empty() ? "none" : row.findings));
    write("</tbody></table>\n</section>\n");
  }

  void write_offers() {
    if (offers_.empty()) return;
    begin_section("offers", "What the servers take");
    write(
        "<table class=\"places offers\"><caption>As asked hello by hello, where a survey was "
        "made</caption><thead><tr><th "
        "scope=\"col\">Place</th>");
    for (const auto& [name, title] : kOfferParts) write(fmt::format("<th scope=\"col\">{}</th>", title));
    write("</tr></thead><tbody>\n");
    for (const auto& [cells, places] : offers_)
      write(fmt::format("<tr><th scope=\"row\" class=\"name\">{}</th>{}</tr>\n", places, cells));
    write("</tbody></table>\n</section>\n");
  }

  Surface surface_;
  AuditHead head_;
  AuditedRules rules_;
  std::map<std::string, Broken> broken_;
  std::string known_;
  std::map<std::string, std::string> offers_;  // places, by the cells that they share
  std::map<pki::Fingerprint, End> ends_;
  std::map<std::string, std::int64_t> versions_, issuers_, keys_;
  std::vector<std::chrono::microseconds> handshakes_;
  std::vector<Row> rows_;
};

std::unique_ptr<AuditSink> open_html(Surface surface) { return std::make_unique<HtmlSink>(std::move(surface)); }

}  // namespace

extern const AuditKind html_audit_kind;
const AuditKind html_audit_kind{"html", "one page for people, on screen and paper", open_html};

}  // namespace everseal::report
