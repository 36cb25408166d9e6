#include "base/reprint.h"
#include "base/text.h"
#include "inspect/endpoint.h"
#include "inspect/show.h"
#include "probe/starttls.h"
#include "report/audited.h"
#include "report/wrap.h"
#include "terminal.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kNamesInProse = 4;

std::string quoted(const base::Untrusted& name) { return base::printable(report::short_name(name.raw())); }

std::string names_in_prose(const pki::Certificate& leaf) {
  std::vector<std::string> names;
  for (const pki::GeneralName& name : leaf.names()) {
    if (names.size() == kNamesInProse) {
      names.push_back(fmt::format("{} more", leaf.names().size() - kNamesInProse));
      break;
    }
    names.push_back(base::printable(name.value));
  }
  if (names.empty()) return "no name at all";
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : fmt::format("{} and {}", base::join(names, ", "), last);
}

std::string until(base::Time end, base::Time now) {
  return end < now ? fmt::format("ended {} ago ({})", base::approximate(now - end), base::format_time(end))
                   : fmt::format("ends in {} ({})", base::approximate(end - now), base::format_time(end));
}

std::string store_in_prose(const pki::StoreVerdict& verdict) {
  if (verdict.kind == pki::StoreKind::system) return "this system's CA certificates";
  return verdict.store == "everseal" ? "the roots of the authorities here" : fmt::format("the store {}", verdict.store);
}

std::string distrust_in_prose(const pki::StoreVerdict& verdict) {
  if (verdict.trusted) return fmt::format("known, but not taken: {}", base::printable(verdict.problem));
  if (!verdict.missing.raw().empty())
    return fmt::format("the certificate of {} is neither sent nor there", quoted(verdict.missing));
  return base::printable(verdict.problem);
}

// Who trusts it, a sentence each; those first who do.
std::vector<std::string> trust_in_prose(const scan::Judged& judged) {
  if (!judged.trust) return {};
  std::vector<std::string> trusted, distrusted;
  for (const pki::StoreVerdict& one : judged.trust->stores)
    if (one.valid)
      trusted.push_back(
          fmt::format("Trusted by {}, below {}.", store_in_prose(one), quoted(one.path.back().subject())));
  for (const pki::StoreVerdict& one : judged.trust->stores) {
    if (one.valid) continue;
    distrusted.push_back(
        trusted.empty()
            ? fmt::format("Not trusted by {}: {}.", store_in_prose(one), distrust_in_prose(one))
            : fmt::format("Who has only {} does not trust it: {}.", store_in_prose(one), distrust_in_prose(one)));
  }
  std::ranges::move(distrusted, std::back_inserter(trusted));
  return trusted;
}

// What is kept alive here and what of it is served.
std::string kept_in_prose(const InspectedEndpoint& endpoint, const Known& known) {
  if (!endpoint.has_state) return {};
  if (known.served && known.is_newest())
    return fmt::format("It is version {} of {}, the newest that is kept alive here.", known.served->number,
                       known.served->name.text());
  const auto kept = [&] {
    return fmt::format("version {}, which is {} and {}", known.kept->number,
                       known.kept->on_disk ? "on the disk" : "not whole on the disk (`everseal doctor`)",
                       until(known.kept->ends, endpoint.now));
  };
  if (known.served && known.kept)
    return fmt::format(
        "It is version {} of {}, which is kept alive here. There is a newer one: {}. This listener does not serve it: "
        "it "
        "was not brought there, or the server was not reloaded.",
        known.served->number, known.served->name.text(), kept());
  if (known.served)
    return fmt::format("It is version {} of {}, none of whose versions may be put in place any more.",
                       known.served->number, known.served->name.text());
  if (known.kept)
    return fmt::format("It is none that is kept alive here, but {} is kept alive for this name: {}.",
                       known.kept->name.text(), kept());
  return "It is none that is kept alive here: somebody else has to renew it.";
}

std::string yes_or_no(const std::optional<bool>& told, std::string_view yes, std::string_view no) {
  return std::string(!told ? "" : *told ? yes : no);
}

class Prose {
 public:
  Prose(const InspectedEndpoint& endpoint, std::optional<std::size_t> width) : endpoint_(endpoint), width_(width) {}

  std::string write() {
    title();
    headline();
    for (const std::vector<const SeenAddress*>& group : groups()) address(group);
    found("What is wrong", audit::Severity::warning);
    found("Worth knowing", audit::Severity::notice);
    certificates();
    const std::vector<std::string> commands = next_commands(endpoint_);
    if (!commands.empty()) heading("What to do next");
    for (const std::string& command : commands) out_ += "  " + command + "\n";
    for (const std::string& remark : endpoint_.remarks) paragraph(0, base::printable(remark));
    return std::move(out_);
  }

 private:
  // Addresses that show the same thing.
  std::vector<std::vector<const SeenAddress*>> groups() const {
    std::vector<std::vector<const SeenAddress*>> all;
    const auto same = [](const SeenAddress& one, const SeenAddress& other) {
      return one.capture.outcome == other.capture.outcome && one.capture.chain == other.capture.chain &&
             one.capture.tls_version == other.capture.tls_version && one.capture.cipher == other.capture.cipher &&
             one.capture.group == other.capture.group;
    };
    for (const SeenAddress& one : endpoint_.addresses) {
      const auto group = std::ranges::find_if(all, [&](const auto& known) { return same(*known.front(), one); });
      if (group == all.end())
        all.push_back({&one});
      else
        group->push_back(&one);
    }
    return all;
  }

  void heading(std::string_view text) { out_ += fmt::format("\n{}\n", styled(text, Style::bold, Stream::output)); }

  void paragraph(std::size_t indent, const std::string& printable) {
    if (printable.empty()) return;
    const bool breaks = width_ && *width_ > indent + 20;
    out_ +=
        fmt::format("{:{}}{}\n", "", indent, breaks ? wrap(printable, indent, *width_, LongWords::split) : printable);
  }

  void title() {
    std::string text = endpoint_.wanted.name;
    if (!endpoint_.wanted.target.starttls.empty())
      text += fmt::format(", {} and then TLS", endpoint_.wanted.target.starttls);
    out_ += styled(text, Style::bold, Stream::output) + "\n";
  }

  void headline() {
    const auto count = [&](auto holds) { return std::ranges::count_if(endpoint_.addresses, holds); };
    const auto of = static_cast<std::ptrdiff_t>(endpoint_.addresses.size());
    const auto agreeing = [&](std::optional<bool> wanted) {
      return count([&](const SeenAddress& one) { return one.client_agrees(endpoint_.wanted) == wanted; });
    };
    const auto unseen = count([](const SeenAddress& one) { return one.leaf() == nullptr; });
    const auto demanding = count([](const SeenAddress& one) { return one.capture.client_certificate_required; });
    const auto refused = agreeing(false);
    std::string text;
    Style style = Style::red;
    if (unseen == of) {
      text = "No certificate could be seen here.";
    } else if (refused == of) {
      text = "Clients that check what they are shown refuse this endpoint.";
    } else if (refused > 0) {
      text = fmt::format("Clients are refused or turned away at {} of {} addresses.", refused, of);
    } else if (endpoint_.has(audit::Severity::warning)) {
      text = "Clients go on today, but not all is well.";
      style = Style::yellow;
    } else if (agreeing(std::nullopt) > 0) {
      text =
          "What is served is in order. It was asked for by its address, which is not in the certificate: whether it "
          "is the certificate that your clients want only a name can tell.";
      style = Style::yellow;
    } else {
      text = "No trouble found: clients go on, and are served a certificate that they trust.";
      style = Style::green;
    }
    const auto old = std::ranges::find_if(endpoint_.addresses, [](const SeenAddress& one) {
      return one.known.served && one.known.kept && !one.known.is_newest();
    });
    if (old != endpoint_.addresses.end())
      text += fmt::format(" An old version of {} is served: {}, where there is {}.", old->known.served->name,
                          old->known.served->number, old->known.kept->number);
    if (demanding > 0) text += " Clients without a certificate of their own are turned away.";
    const bool breaks = width_.has_value();
    out_ += styled(breaks ? wrap(text, 0, *width_) : text, style, Stream::output) + "\n";
  }

  void address(const std::vector<const SeenAddress*>& group) {
    const SeenAddress& seen = *group.front();
    std::vector<std::string> addresses;
    for (const SeenAddress* const one : group) addresses.push_back(one->capture.address);
    const std::string where = base::join(addresses, ", ");
    heading(where.empty() ? endpoint_.wanted.name : where);
    if (seen.capture.outcome != probe::Outcome::complete)
      paragraph(2, fmt::format("The look ended at {}: {}.", to_string(seen.capture.phase), seen.capture.problem));
    before_tls(seen.capture);
    if (const pki::Certificate* const leaf = seen.leaf()) {
      paragraph(2, fmt::format("Serves a certificate for {}, issued by {}. It {}.", names_in_prose(*leaf),
                               leaf->is_self_issued() ? "itself" : quoted(leaf->issuer()),
                               until(leaf->not_after(), endpoint_.now)));
      asked_for(*leaf);
      for (const std::string& sentence : trust_in_prose(seen.judged)) paragraph(2, sentence);
      paragraph(2, kept_in_prose(endpoint_, seen.known));
    }
    handshake(seen.capture);
  }

  // Some servers wait for words of their own, or go away when TLS comes unasked.
  void before_tls(const probe::Capture& capture) {
    const bool is_mute = capture.outcome == probe::Outcome::timed_out || capture.outcome == probe::Outcome::unreachable;
    if (!is_mute || capture.phase != probe::Phase::handshake || !endpoint_.wanted.target.starttls.empty()) return;
    std::vector<std::string_view> waiting;
    for (const probe::Starttls* const one : probe::starttls_protocols())
      if (one->greets == nullptr) waiting.push_back(one->name);
    paragraph(2, fmt::format("If it is a server that wants to be asked for TLS, say which: --starttls {}.",
                             fmt::join(waiting, ", ")));
  }

  void asked_for(const pki::Certificate& leaf) {
    if (endpoint_.wanted.asked.empty()) paragraph(2, "It was asked for by address: no name was compared with it.");
    for (const pki::Identifier& asked : endpoint_.wanted.asked)
      paragraph(2, pki::matches(leaf.names(), asked)
                       ? fmt::format("It speaks for {}, which was asked for.", asked.text())
                       : fmt::format("It does not speak for {}, which was asked for.", asked.text()));
  }

  void handshake(const probe::Capture& capture) {
    if (!capture.tls_version.empty()) {
      std::string text = fmt::format("Speaks {} with {}{}", capture.tls_version, capture.cipher,
                                     capture.group.empty() ? "" : " and " + capture.group);
      if (!capture.alpn.raw().empty()) text += ", then " + base::printable(capture.alpn);
      const probe::Further& further = capture.further;
      text += yes_or_no(further.resumes, "; sessions are resumed", "; sessions are not resumed");
      text += yes_or_no(further.post_quantum, "; it takes a post-quantum key exchange",
                        "; it takes no post-quantum key exchange");
      text += capture.ocsp_response.empty() ? "" : "; it staples an OCSP response";
      paragraph(2, text + ".");
    }
    client_certificates(capture);
    if (capture.accepted) survey(*capture.accepted);
    if (capture.further.large_hello == false) paragraph(2, "It does not answer a large ClientHello.");
    if (capture.further.split_hello == false) paragraph(2, "It does not answer a ClientHello in two halves.");
    if (const auto& strict = capture.further.strict_transport)
      paragraph(2, strict->empty() ? "It does not ask browsers for HTTPS alone."
                                   : fmt::format("It asks browsers for HTTPS alone: {}.", base::printable(*strict)));
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    std::vector<std::string> times;
    const auto took = [&](probe::Phase phase, std::chrono::microseconds time, std::string_view what) {
      if (capture.phase > phase && time.count() > 0)
        times.push_back(fmt::format("{} ms to {}", duration_cast<milliseconds>(time).count(), what));
    };
    took(probe::Phase::resolve, capture.resolve_time, "resolve the name");
    took(probe::Phase::connect, capture.connect_time, "connect");
    took(probe::Phase::proxy, capture.proxy_time, "pass the proxy");
    took(probe::Phase::starttls, capture.starttls_time, "agree on TLS");
    if (capture.handshake_time.count() > 0)
      times.push_back(fmt::format("{} ms to shake hands", duration_cast<milliseconds>(capture.handshake_time).count()));
    if (!times.empty()) paragraph(2, fmt::format("It took {}.", base::join(times, ", ")));
  }

  void client_certificates(const probe::Capture& capture) {
    if (!capture.client_certificate_requested) return;
    constexpr std::size_t kMostNamed = 4;
    std::string text = capture.client_certificate_required ? "It demands a client's certificate"
                                                           : "It asks for a client's certificate, and goes on without";
    const auto& authorities = capture.client_authorities;
    for (std::size_t i = 0; i < std::min(authorities.size(), kMostNamed); ++i)
      text += (i == 0 ? "; it takes those of " : "; ") + base::printable(authorities[i]);
    if (authorities.size() > kMostNamed) text += fmt::format("; and of {} more", authorities.size() - kMostNamed);
    paragraph(2, text + ".");
  }

  void survey(const probe::Accepted& accepted) {
    const auto list = [&](std::string_view what, const std::vector<std::string>& names) {
      if (!names.empty()) paragraph(2, fmt::format("{}: {}.", what, base::join(names, ", ")));
    };
    list("Takes the versions", accepted.versions);
    list(!accepted.server_order   ? "Takes the ciphers"
         : *accepted.server_order ? "Takes the ciphers, in its own order"
                                  : "Takes the ciphers, in the client's order",
         accepted.ciphers);
    list("Takes the groups", accepted.groups);
    if (!accepted.is_whole)
      paragraph(2, "Some of what was asked was not answered, which says nothing of what it takes.");
  }

  // Each finding once, with the addresses that have it where not all do.
  struct Told {
    const FoundHere* one;
    std::vector<std::string> addresses;
  };
  std::vector<Told> told(audit::Severity from) const {
    std::vector<Told> all;
    const auto belongs = [from](const FoundHere& one) {
      return (one.finding.severity >= audit::Severity::warning && !one.acknowledgement) ==
             (from >= audit::Severity::warning);
    };
    for (const FoundHere& one : endpoint_.between)
      if (belongs(one)) all.push_back({&one, {}});
    for (const SeenAddress& seen : endpoint_.addresses)
      for (const FoundHere& one : seen.found) {
        if (!belongs(one)) continue;
        const auto known = std::ranges::find_if(all, [&](const Told& other) {
          return other.one->finding.rule == one.finding.rule && other.one->finding.what == one.finding.what;
        });
        if (known == all.end())
          all.push_back({&one, {seen.capture.address}});
        else
          known->addresses.push_back(seen.capture.address);
      }
    std::ranges::stable_sort(all, std::greater<>(), [](const Told& one) { return one.one->finding.severity; });
    return all;
  }

  void found(std::string_view title, audit::Severity from) {
    const std::vector<Told> all = told(from);
    if (all.empty()) return;
    heading(title);
    for (const Told& one : all) {
      const audit::Finding& finding = one.one->finding;
      const bool everywhere = one.addresses.empty() || one.addresses.size() == endpoint_.addresses.size();
      std::string text = fmt::format("{}{}", base::reprinted(finding.what.raw()),
                                     everywhere ? "" : fmt::format(" (at {})", base::join(one.addresses, ", ")));
      if (const auto& known = one.one->acknowledgement)
        text += fmt::format(" (known until {}: {})", base::format_time(known->until), base::printable(known->reason));
      const Style style = finding.severity >= audit::Severity::error     ? Style::red
                          : finding.severity == audit::Severity::warning ? Style::yellow
                                                                         : Style::dim;
      const std::string severity = fmt::format("{:<9}", audit::to_string(finding.severity));
      const bool breaks = width_ && *width_ > 30;
      out_ += fmt::format("  {}{}\n", styled(severity, style, Stream::output),
                          breaks ? wrap(text, 11, *width_, LongWords::split) : text);
      if (from < audit::Severity::warning) continue;
      paragraph(11, std::string(finding.rule->meaning));
      paragraph(11, "Do this: " + std::string(finding.rule->remedy));
    }
  }

  // Each that was sent, once, in short.
  void certificates() {
    std::vector<const pki::Certificate*> all;
    for (const SeenAddress& seen : endpoint_.addresses)
      if (seen.judged.certificates)
        for (const pki::Certificate& one : *seen.judged.certificates)
          if (std::ranges::none_of(all, [&](const auto* known) { return *known == one; })) all.push_back(&one);
    if (all.empty()) return;
    heading("Certificates sent (more by --json)");
    for (const pki::Certificate* const one : all) {
      paragraph(2, fmt::format("{}, by {}", base::printable(one->subject()), base::printable(one->issuer())));
      paragraph(
          4, fmt::format("{} to {}, {}, serial {}", base::format_time(one->not_before()),
                         base::format_time(one->not_after()), base::printable(one->public_key().text), one->serial()));
      paragraph(4, fmt::format("fingerprint {}", one->fingerprint().text()));
    }
  }

  const InspectedEndpoint& endpoint_;
  std::optional<std::size_t> width_;
  std::string out_;
};

}  // namespace

std::string endpoint_text(const InspectedEndpoint& endpoint, std::optional<std::size_t> width) {
  return Prose(endpoint, width).write();
}

}  // namespace everseal::cli
