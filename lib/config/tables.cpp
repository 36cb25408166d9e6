#include "config/tables.h"

#include "pki/key.h"

#include <array>

namespace everseal::config {
namespace {

using base::Option;
using enum base::OptionType;

constexpr std::string_view kAddresses[] = {"one", "all"};
constexpr std::string_view kFetches[] = {"all", "none"};
constexpr std::string_view kPlaces[] = {"all", "any"};
constexpr std::string_view kKeyTypes[] = {"ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"};
static_assert(std::size(kKeyTypes) == std::size(pki::kAllKeyTypes));

constexpr Option kRoot[] = {
    {.name = "config_version", .type = integer, .summary = "version of the config's format", .fallback = "1"},
    {.name = "state", .summary = "directory of everything that Everseal remembers"},
    {.name = "keep",
     .type = integer,
     .summary = "versions of a certificate that keep their private key",
     .fallback = "2",
     .lowest = 1,
     .highest = 1000},
    {.name = "workers",
     .type = integer,
     .summary = "certificates that are rotated at once",
     .fallback = "4",
     .lowest = 1,
     .highest = 256},
    {.name = "proxy",
     .type = url,
     .summary = "URL of the proxy for issuers that name none, and for what the audit fetches"},
    {.name = "proxy_password_file", .type = secret_file, .summary = "file with USER:PASSWORD for that proxy"},
};
// Of the tables that say how something is judged.
constexpr std::string_view kPolicySummary = "a policy that is built in (`everseal kinds`), or the path of one of yours";

constexpr Subtable kRootTables[] = {
    {"issuer", Section::issuer, "who signs"},
    {"challenge", Section::challenge, "how names are proved to an ACME CA"},
    {"authority", Section::authority, "your own CAs"},
    {"profile", Section::profile,
     "what a certificate of your own CA may be used for, beside the built-in server, client and peer"},
    {"certificate", Section::certificate, "what is to be kept alive"},
    {"endpoint", Section::endpoint, "what else the audit looks at"},
    {"environment", Section::environment,
     "what differs by environment; in a file without such tables one word: that of all its certificates and endpoints",
     Holds::named_tables_or_word},
    {"team", Section::team, "whose a certificate or an endpoint is"},
    {"audit", Section::audit, "how everything is judged", Holds::one_table},
};

constexpr Option kTyped[] = {
    {.name = "type", .summary = "kind, see `everseal kinds`", .required = true},
};

constexpr Option kChallenge[] = {
    {.name = "type", .summary = "kind, see `everseal kinds`", .required = true},
    {.name = "zones",
     .type = names,
     .summary = "names that are proved this way, each with all below it; without it every name"},
    {.name = "provider", .summary = "who sets the TXT records, see `everseal kinds`"},
};

constexpr Option kAuthority[] = {
    {.name = "passphrase_file",
     .type = secret_file,
     .summary = "passphrase of the intermediate's key; without it the key is a plain 0600 file"},
    {.name = "permitted", .type = names, .summary = "name constraints set at `ca init`: the only names below it"},
    {.name = "excluded", .type = names, .summary = "name constraints set at `ca init`: names never below it"},
    {.name = "crl_url", .summary = "where clients fetch the CRL; written into each certificate"},
    {.name = "issuer_url", .summary = "where clients fetch the issuing certificate; written into each certificate"},
    {.name = "crl_lifetime", .type = duration, .summary = "how long a CRL is good for"},
    {.name = "longest", .type = duration, .summary = "longest life of a certificate, whatever its profile says"},
    {.name = "allow", .type = names, .summary = "identifiers that may be signed for, whatever the profile says"},
    {.name = "deny", .type = names, .summary = "identifiers that are never signed for"},
    {.name = "settle",
     .type = duration,
     .summary = "how long a new trust bundle must be out before its CA signs",
     .fallback = "7d"},
};
constexpr Subtable kAuthorityTables[] = {
    {"publish", Section::publication, "where the CRL and the trust bundle are published; read back to verify it"},
};

constexpr Option kProfile[] = {
    {.name = "usage",
     .type = names,
     .summary = "extended key usages: serverAuth, clientAuth, ... or OIDs",
     .required = true},
    {.name = "lifetime", .type = duration, .summary = "life of a certificate that asks for none"},
    {.name = "longest", .type = duration, .summary = "longest life that is signed"},
    {.name = "subject", .type = names, .summary = "RDNs that a request may carry: CN, O, OU, ..."},
    {.name = "allow", .type = names, .summary = "identifiers that may be signed for"},
    {.name = "deny", .type = names, .summary = "identifiers that are never signed for"},
    {.name = "keys", .type = names, .summary = "key types that are accepted; without it all"},
};

constexpr Option kCertificate[] = {
    {.name = "identifiers", .type = names, .summary = "DNS names, IP addresses, e-mail addresses, URIs"},
    {.name = "issuer", .type = names, .summary = "issuers, or authorities, tried in this order", .required = true},
    {.name = "environment", .summary = "label to select by: prod, staging, ..."},
    {.name = "team", .summary = "whose it is, where no [team] claims its names"},
    {.name = "profile", .summary = "what it may be used for: server, client, peer, or one of your own"},
    {.name = "key", .type = choice, .summary = "type of its key", .fallback = "ecdsa-p256", .choices = kKeyTypes},
    {.name = "subject", .summary = "distinguished name, such as \"O=Example, CN=alice\""},
    {.name = "lifetime", .type = duration, .summary = "life to ask for, where the issuer lets us choose"},
};
constexpr Subtable kCertificateTables[] = {
    {"deploy", Section::deployment, "where it goes"},
};

constexpr Option kEndpoint[] = {
    {.name = "targets", .type = names, .summary = "HOST, HOST:PORT or [ADDRESS]:PORT, each"},
    {.name = "targets_file",
     .type = path,
     .summary = "a file of them: one a line, CSV, /etc/hosts, or Prometheus' file_sd as JSON"},
    {.name = "environment", .summary = "label to select and to judge by: prod, staging, ..."},
    {.name = "team", .summary = "whose it is, where no [team] claims its names"},
    {.name = "labels", .type = names, .summary = "KEY=VALUE each, shown in reports and metrics"},
    {.name = "sni", .summary = "name to ask for and to be served; without it the target's host"},
    {.name = "starttls", .summary = "protocol that is spoken before TLS, or \"none\"; without it the port tells"},
    {.name = "client_certificate_file",
     .type = path,
     .summary = "certificate and chain, PEM, that is shown to a server that asks clients for one"},
    {.name = "client_key_file", .type = secret_file, .summary = "file with the key of that certificate"},
    {.name = "addresses",
     .type = choice,
     .summary = "all: each address of a name is a place of its own; any: whichever answers, as of a CDN",
     .fallback = "all",
     .choices = kPlaces},
    {.name = "proxy", .type = url, .summary = "URL of the HTTP proxy that the targets are looked at through (CONNECT)"},
    {.name = "proxy_password_file", .type = secret_file, .summary = "file with USER:PASSWORD for that proxy"},
};

constexpr Option kEnvironment[] = {
    {.name = "policy", .summary = kPolicySummary},
    {.name = "trust",
     .type = names,
     .summary = "files of CA certificates that clients here trust, beside the system's (\"system\")"},
    {.name = "further_trust",
     .type = names,
     .summary = "files of CA certificates that some clients have instead; public chains they do not trust are told"},
    {.name = "warning_left", .summary = "life left that is a warning: \"1/4\" of it, or \"30d\""},
    {.name = "critical_left", .summary = "life left that is critical: \"1/8\" of it, or \"7d\""},
    {.name = "severity", .type = names, .summary = "RULE=SEVERITY each, instead of the rule's own"},
};

constexpr Option kTeam[] = {
    {.name = "names", .type = names, .summary = "patterns of the names that are its own, found ones included"},
    {.name = "runbook", .type = url, .summary = "what its people do about a finding"},
};

constexpr Option kAudit[] = {
    {.name = "policy", .summary = kPolicySummary, .fallback = "intermediate"},
    {.name = "trust",
     .type = names,
     .summary = "files of CA certificates that clients trust, beside the system's (\"system\")",
     .fallback = "system"},
    {.name = "further_trust",
     .type = names,
     .summary = "files of CA certificates that some clients have instead; public chains they do not trust are told"},
    {.name = "fetch",
     .type = choice,
     .summary = "CRLs that certificates name: all; none, where there is no internet, so that they are not judged by",
     .fallback = "all",
     .choices = kFetches},
    {.name = "fetch_allow",
     .type = names,
     .summary = "address ranges that may be fetched from though they are not public: 10.0.0.0/8"},
    {.name = "compat",
     .type = names,
     .summary = "exporters whose names --format prometheus tells beside ours: blackbox, x509-exporter, cert-manager"},
};

constexpr Option kVerifyFields[] = {
    {.name = "connect", .summary = "HOST:PORT of a listener of this host", .required = true},
    {.name = "sni", .summary = "server name to ask for; without it the certificate's first DNS name"},
    {.name = "starttls", .summary = "protocol that is spoken before TLS"},
    {.name = "addresses",
     .type = choice,
     .summary = "whether one address of the host must serve it, or all",
     .fallback = "one",
     .choices = kAddresses},
};

constexpr Option kDeployment[] = {
    {.name = "type", .summary = "kind, see `everseal kinds`", .required = true},
    {.name = "verify",
     .type = items,
     .summary = "listeners that must serve the new certificate, or \"none\" where there is none",
     .fields = kVerifyFields},
    {.name = "verify_timeout", .type = duration, .summary = "how long a reload may take to show", .fallback = "30s"},
};

}  // namespace

std::span<const Option> declared(Section section) noexcept {
  switch (section) {
    case Section::root:
      return kRoot;
    case Section::issuer:
    case Section::publication:
      return kTyped;
    case Section::challenge:
      return kChallenge;
    case Section::authority:
      return kAuthority;
    case Section::profile:
      return kProfile;
    case Section::certificate:
      return kCertificate;
    case Section::endpoint:
      return kEndpoint;
    case Section::environment:
      return kEnvironment;
    case Section::team:
      return kTeam;
    case Section::audit:
      return kAudit;
    case Section::deployment:
      return kDeployment;
  }
  return {};
}

std::span<const Subtable> subtables(Section section) noexcept {
  switch (section) {
    case Section::root:
      return kRootTables;
    case Section::authority:
      return kAuthorityTables;
    case Section::certificate:
      return kCertificateTables;
    default:
      return {};
  }
}

std::span<const Option> verify_fields() noexcept { return kVerifyFields; }

}  // namespace everseal::config
