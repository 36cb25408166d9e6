#include "base/text.h"
#include "inspect/show.h"
#include "report/wrap.h"
#include "terminal.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kMostNames = 20;  // shown; JSON has all of them
constexpr std::size_t kMostEntries = 10;
constexpr std::size_t kTerm = 14;

std::string wrapped(const std::string& text, std::size_t indent, std::optional<std::size_t> width) {
  if (!width || *width < indent + 20) return text;
  return wrap(text, indent, *width, LongWords::split);
}

class Text {
 public:
  Text(base::Time now, std::optional<std::size_t> width) : now_(now), width_(width) {}

  void heading(std::string_view text) {
    out_ += fmt::format("{}{}\n", out_.empty() ? "" : "\n", styled(text, Style::bold, Stream::output));
  }

  void line(std::string_view term, const std::string& printable) {
    if (printable.empty()) return;
    out_ += fmt::format("  {:<{}}{}\n", term, kTerm, wrapped(printable, kTerm + 2, width_));
  }
  void lines(std::string_view term, const std::vector<std::string>& printable) {
    for (std::size_t i = 0; i < printable.size(); ++i) line(i == 0 ? term : "", printable[i]);
  }

  void certificate(const pki::Certificate& c) {
    const std::string subject = base::printable(c.subject());
    line("subject", subject.empty() ? "(empty)" : subject);
    line("issuer", base::printable(c.issuer()));
    line("serial", c.serial());
    lines("names", names(c.names()));
    line("valid", validity(c.not_before(), c.not_after()));
    line("key", base::printable(c.public_key().text));
    line("signature", base::printable(c.signature_algorithm()));
    std::vector<std::string> usage = c.key_usage();
    for (const std::string& each : c.extended_key_usage()) usage.push_back(each);
    line("usage", base::printable(base::join(usage, ", ")));
    if (c.is_ca()) line("CA", c.path_length() ? fmt::format("yes, path length {}", *c.path_length()) : "yes");
    lines("CRL", texts(c.crl_urls()));
    lines("OCSP", texts(c.ocsp_urls()));
    lines("issuer at", texts(c.issuer_urls()));
    line("fingerprint", c.fingerprint().text());
    line("key pin", base::hex(c.spki_pin()));
  }

  void csr(const pki::Csr& request) {
    const std::string subject = base::printable(request.subject.text());
    line("subject", subject.empty() ? "(empty)" : subject);
    lines("names", names(request.names));
    line("key", base::printable(request.public_key.text));
    line("extensions", base::printable(base::join(request.extensions, ", ")));
    line("signature", "proves possession of the key");
  }

  void crl(const pki::Crl& list) {
    line("issuer", base::printable(list.issuer));
    line("issued", base::format_time(list.this_update));
    line("next", list.next_update ? base::format_time(*list.next_update) : "");
    line("number", list.number ? fmt::format("{}", *list.number) : "");
    line("revoked", fmt::format("{} certificates", list.entries.size()));
    std::vector<std::string> entries;
    for (std::size_t i = 0; i < std::min(list.entries.size(), kMostEntries); ++i) {
      const pki::RevokedEntry& entry = list.entries[i];
      entries.push_back(
          fmt::format("{} on {}, {}", entry.serial, base::format_time(entry.when), to_string(entry.reason)));
    }
    if (list.entries.size() > kMostEntries)
      entries.push_back(fmt::format("and {} more (--json shows all)", list.entries.size() - kMostEntries));
    lines("", entries);
  }

  void troubles(std::span<const Trouble> list, const std::vector<std::string>& titles) {
    heading(list.empty() ? "No trouble found" : "Trouble");
    for (const Trouble& trouble : list) {
      const Style style = trouble.severity == Severity::error     ? Style::red
                          : trouble.severity == Severity::warning ? Style::yellow
                                                                  : Style::dim;
      const std::string where =
          trouble.item && titles.size() > 1 ? fmt::format("{}: ", base::lower(titles[*trouble.item])) : "";
      const std::string severity = fmt::format("{:<9}", to_string(trouble.severity));
      out_ +=
          fmt::format("  {}{}\n", styled(severity, style, Stream::output), wrapped(where + trouble.text, 11, width_));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static std::vector<std::string> texts(const std::vector<base::Untrusted>& list) {
    std::vector<std::string> shown;
    for (const base::Untrusted& text : list) shown.push_back(base::printable(text));
    return shown;
  }

  static std::vector<std::string> names(const std::vector<pki::GeneralName>& list) {
    std::vector<std::string> shown;
    for (const pki::GeneralName& name : list) {
      if (shown.size() == kMostNames) {
        shown.push_back(fmt::format("and {} more (--json shows all)", list.size() - kMostNames));
        break;
      }
      shown.push_back(fmt::format("{} {}", to_string(name.kind), base::printable(name.value)));
    }
    return shown;
  }

  std::string validity(base::Time begin, base::Time end) const {
    const std::string state = end <= now_    ? fmt::format("expired {} ago", base::approximate(now_ - end))
                              : begin > now_ ? fmt::format("begins in {}", base::approximate(begin - now_))
                                             : fmt::format("{} left", base::approximate(end - now_));
    return fmt::format("{} to {} ({})", base::format_time(begin), base::format_time(end), state);
  }

  base::Time now_;
  std::optional<std::size_t> width_;
  std::string out_;
};

// "Certificate 2", "Private key", counted where there are several of a kind.
std::vector<std::string> titles_of(const Contents& contents) {
  static constexpr std::string_view kNames[] = {"Certificate", "Certificate request", "CRL", "Private key", "Other"};
  std::size_t totals[5]{};
  std::size_t counts[5]{};
  for (const Item& item : contents.items) ++totals[item.index()];
  std::vector<std::string> titles;
  for (const Item& item : contents.items) {
    const std::size_t kind = item.index();
    titles.push_back(totals[kind] > 1 ? fmt::format("{} {}", kNames[kind], ++counts[kind]) : std::string(kNames[kind]));
  }
  return titles;
}

}  // namespace

std::string inspection_text(const Contents& contents, std::span<const Trouble> troubles, base::Time now,
                            std::optional<std::size_t> width) {
  Text text(now, width);
  const std::vector<std::string> titles = titles_of(contents);
  text.heading(fmt::format("{} ({})", contents.source, contents.form));
  for (std::size_t i = 0; i < contents.items.size(); ++i) {
    text.heading(titles[i]);
    struct Visitor {
      Text& out;
      void operator()(const pki::Certificate& found) const { out.certificate(found); }
      void operator()(const pki::Csr& found) const { out.csr(found); }
      void operator()(const pki::Crl& found) const { out.crl(found); }
      void operator()(const FoundKey& found) const { out.line("type", found.text); }
      void operator()(const Undecoded& found) const {
        out.line("block", found.problem.empty() ? found.label + ", not decoded" : found.label + ", cannot be decoded");
      }
    };
    std::visit(Visitor{text}, contents.items[i]);
  }
  text.troubles(troubles, titles);
  return text.take();
}

}  // namespace everseal::cli
