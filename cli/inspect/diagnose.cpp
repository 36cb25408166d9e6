#include "inspect/diagnose.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/chain.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using namespace std::chrono_literals;
using pki::Certificate;

constexpr int kWeakestRsa = 2048;
constexpr auto kLongestForApple = std::chrono::days(825);
constexpr auto kLongestForBrowsers = std::chrono::days(398);

class Diagnosis {
 public:
  Diagnosis(const Contents& contents, base::Time now) : contents_(contents), now_(now) {
    for (std::size_t i = 0; i < contents.items.size(); ++i) {
      if (const auto* certificate = std::get_if<Certificate>(&contents.items[i])) chain_.push_back({i, certificate});
    }
    // A file of CA certificates only is a trust bundle; its order means nothing.
    is_bundle_ =
        chain_.size() > 1 && std::ranges::all_of(chain_, [](const Link& link) { return link.certificate->is_ca(); });
  }

  std::vector<Trouble> run() {
    for (std::size_t i = 0; i < contents_.items.size(); ++i) check_item(i);
    if (!is_bundle_ && chain_.size() > 1) check_chain();
    check_keys();
    std::ranges::stable_sort(troubles_, {}, &Trouble::severity);
    return std::move(troubles_);
  }

 private:
  struct Link {
    std::size_t item;
    const Certificate* certificate;
  };

  void add(Severity severity, std::string_view rule, std::optional<std::size_t> item, std::string text) {
    troubles_.push_back({severity, rule, item, std::move(text)});
  }

  void check_item(std::size_t i) {
    const Item& item = contents_.items[i];
    if (const auto* certificate = std::get_if<Certificate>(&item)) check_certificate(i, *certificate);
    if (const auto* undecoded = std::get_if<Undecoded>(&item); undecoded != nullptr && !undecoded->problem.empty()) {
      add(Severity::error, "undecodable", i, undecoded->problem);
    }
    if (const auto* csr = std::get_if<pki::Csr>(&item)) {
      check_key(i, csr->public_key);
      if (csr->names.empty())
        add(Severity::warning, "no_names", i, "the request names no SAN; most CAs will refuse it or take the CN");
      if (csr->asks_for_ca) add(Severity::warning, "asks_for_ca", i, "the request asks to become a CA");
    }
    if (const auto* crl = std::get_if<pki::Crl>(&item)) check_crl(i, *crl);
  }

  void check_crl(std::size_t i, const pki::Crl& crl) {
    if (!crl.next_update)
      add(Severity::warning, "crl_no_next_update", i, "the CRL does not say when the next one comes");
    if (crl.next_update && *crl.next_update <= now_) {
      add(Severity::error, "crl_expired", i,
          fmt::format("the CRL ended {} ago: clients that check it refuse every certificate",
                      base::approximate(now_ - *crl.next_update)));
    }
  }

  void check_certificate(std::size_t i, const Certificate& certificate) {
    check_validity(i, certificate);
    check_key(i, certificate.public_key());
    check_signature(i, certificate);
    if (certificate.is_ca()) return;
    check_names(i, certificate);
    check_lifetime(i, certificate);
    if (certificate.is_self_issued())
      add(Severity::warning, "self_signed", i, "self-signed: nobody trusts it who did not install it");
  }

  void check_validity(std::size_t i, const Certificate& certificate) {
    const base::Time begin = certificate.not_before();
    const base::Time end = certificate.not_after();
    if (end < begin) return add(Severity::error, "never_valid", i, "it ends before it begins");
    if (end <= now_)
      return add(Severity::error, "expired", i, fmt::format("expired {} ago", base::approximate(now_ - end)));
    if (begin > now_)
      return add(Severity::error, "not_yet_valid", i,
                 fmt::format("not valid for another {}", base::approximate(begin - now_)));
    if (end - now_ < (end - begin) / 6)
      add(Severity::warning, "expires_soon", i, fmt::format("expires in {}", base::approximate(end - now_)));
  }

  void check_key(std::size_t i, const pki::PublicKeySummary& key) {
    if (key.text.starts_with("DSA")) return add(Severity::error, "weak_key", i, "DSA keys are refused by every client");
    if (!key.text.starts_with("RSA ")) return;
    int bits = 0;
    std::from_chars(key.text.data() + 4, key.text.data() + key.text.size(), bits);
    if (bits < kWeakestRsa)
      add(Severity::error, "weak_key", i,
          fmt::format("an RSA key of {} bits is too short; {} is the least", bits, kWeakestRsa));
  }

  void check_signature(std::size_t i, const Certificate& certificate) {
    if (certificate.is_ca() && certificate.is_self_issued()) return;  // nobody checks the signature of a root
    const std::string algorithm = base::lower(certificate.signature_algorithm());
    const bool weak = algorithm.find("md5") != std::string::npos || algorithm.find("md4") != std::string::npos ||
                      algorithm.find("md2") != std::string::npos || algorithm.find("sha1") != std::string::npos;
    if (weak)
      add(Severity::error, "weak_signature", i,
          fmt::format("signed with {}, which clients refuse", base::printable(certificate.signature_algorithm())));
  }

  void check_names(std::size_t i, const Certificate& certificate) {
    if (!certificate.names().empty()) return;
    const auto common_name = certificate.subject_name().first("CN");
    if (common_name) {
      add(Severity::error, "name_only_in_cn", i,
          fmt::format("it has no SAN, only the CN \"{}\", which clients do not look at (RFC 9525)",
                      base::printable(*common_name)));
    } else {
      add(Severity::error, "no_names", i, "it has no SAN and no CN: it speaks for nobody");
    }
  }

  void check_lifetime(std::size_t i, const Certificate& certificate) {
    const auto usage = certificate.extended_key_usage();
    if (!usage.empty() && std::ranges::find(usage, "serverAuth") == usage.end()) return;
    const auto lifetime = certificate.not_after() - certificate.not_before();
    if (lifetime > kLongestForApple) {
      add(Severity::warning, "lifetime", i,
          fmt::format("it lives {}; Apple's systems refuse servers beyond 825 days, private CAs included",
                      base::approximate(lifetime)));
    } else if (lifetime > kLongestForBrowsers) {
      add(Severity::info, "lifetime", i,
          fmt::format("it lives {}; from a public CA browsers would refuse it beyond 398 days",
                      base::approximate(lifetime)));
    }
  }

  void check_chain() {
    const bool linked = std::ranges::adjacent_find(chain_, [](const Link& a, const Link& b) {
                          return a.certificate->issuer_der() != b.certificate->subject_der();
                        }) == chain_.end();
    if (!linked) return explain_order();
    for (std::size_t i = 0; i + 1 < chain_.size(); ++i) {
      if (pki::is_signed_by(*chain_[i].certificate, *chain_[i + 1].certificate)) continue;
      add(Severity::error, "chain_broken", chain_[i].item,
          fmt::format("certificate {} names certificate {} as its issuer but was signed by another key", i + 1, i + 2));
    }
    const Certificate& last = *chain_.back().certificate;
    if (last.is_ca() && last.is_self_issued())
      add(Severity::info, "root_included", chain_.back().item, "the root is included; clients have their own copy");
  }

  void explain_order() {
    std::vector<Certificate> ordered;
    try {
      ordered = pki::order_chain(contents_.certificates(), nullptr, pki::RootPolicy::keep);
    } catch (const base::Error& error) {
      return add(Severity::error, "chain_broken", std::nullopt,
                 fmt::format("the certificates make no chain: {}", error.message()));
    }
    std::vector<std::string> order;
    std::vector<bool> used(chain_.size(), false);
    for (const Certificate& certificate : ordered) {
      for (std::size_t i = 0; i < chain_.size(); ++i) {
        if (used[i] || !(*chain_[i].certificate == certificate)) continue;
        used[i] = true;
        order.push_back(std::to_string(i + 1));
        break;
      }
    }
    bool reordered = false;
    for (std::size_t i = 1; i < order.size(); ++i)
      reordered = reordered || std::stoul(order[i]) < std::stoul(order[i - 1]);
    if (reordered)
      add(Severity::error, "chain_order", std::nullopt,
          fmt::format("the chain is out of order; leaf first it is {}", base::join(order, ", ")));
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      if (!used[i])
        add(Severity::warning, "chain_stray", chain_[i].item,
            fmt::format("certificate {} belongs to no path from the leaf", i + 1));
    }
  }

  void check_keys() {
    for (std::size_t i = 0; i < contents_.items.size(); ++i) {
      const auto* key = std::get_if<FoundKey>(&contents_.items[i]);
      if (key == nullptr || !key->signer || chain_.empty()) continue;
      const bool matches = std::ranges::any_of(
          chain_, [&](const Link& link) { return pki::key_matches(*key->signer, *link.certificate); });
      if (!matches) add(Severity::error, "key_mismatch", i, "the private key belongs to none of the certificates");
    }
  }

  const Contents& contents_;
  base::Time now_;
  std::vector<Link> chain_;
  bool is_bundle_ = false;
  std::vector<Trouble> troubles_;
};

}  // namespace

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::info:
      return "info";
  }
  return "info";
}

std::vector<Trouble> diagnose(const Contents& contents, base::Time now) { return Diagnosis(contents, now).run(); }

}  // namespace everseal::cli
