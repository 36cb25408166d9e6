#include "importer/certbot_options.h"

#include <algorithm>
#include <string>

namespace everseal::importer {
namespace {

// Sorted.
constexpr std::string_view kOptions[] = {
    "account",
    "agree-tos",
    "allow-subset-of-names",
    "apache",
    "authenticator",
    "autorenew",
    "break-my-certs",
    "cert-name",
    "cert-path",
    "chain-path",
    "config",
    "config-dir",
    "configurator",
    "csr",
    "debug",
    "debug-challenges",
    "delete-after-revoke",
    "deploy-hook",
    "directory-hooks",
    "disable-hook-validation",
    "domain",
    "domains",
    "dry-run",
    "duplicate",
    "eab-hmac-alg",
    "eab-hmac-key",
    "eab-kid",
    "eff-email",
    "elliptic-curve",
    "email",
    "expand",
    "force-interactive",
    "force-renewal",
    "fullchain-path",
    "hsts",
    "http-01-address",
    "http-01-port",
    "https-port",
    "installer",
    "ip-address",
    "issuance-timeout",
    "keep",
    "keep-until-expiring",
    "key-path",
    "key-type",
    "logs-dir",
    "manual",
    "manual-auth-hook",
    "manual-cleanup-hook",
    "max-log-backups",
    "must-staple",
    "new-key",
    "nginx",
    "no-autorenew",
    "no-directory-hooks",
    "no-eff-email",
    "no-random-sleep-on-renew",
    "no-redirect",
    "no-reuse-key",
    "no-verify-ssl",
    "non-interactive",
    "noninteractive",
    "post-hook",
    "pre-hook",
    "preconfigured-renewal",
    "preferred-chain",
    "preferred-challenges",
    "preferred-profile",
    "quiet",
    "redirect",
    "register-unsafely-without-email",
    "reinstall",
    "renew-by-default",
    "renew-hook",
    "renew-with-new-domains",
    "required-profile",
    "reuse-key",
    "rsa-key-size",
    "run-deploy-hooks",
    "server",
    "staging",
    "standalone",
    "staple-ocsp",
    "strict-permissions",
    "test-cert",
    "text",
    "uir",
    "user-agent",
    "user-agent-comment",
    "verbose",
    "webroot",
    "webroot-map",
    "webroot-path",
    "work-dir",
};
static_assert(std::ranges::is_sorted(kOptions));

constexpr std::string_view kDnsPlugins[] = {"cloudflare", "digitalocean", "dnsimple",   "dnsmadeeasy", "gehirn",
                                            "google",     "linode",       "luadns",     "nsone",       "ovh",
                                            "rfc2136",    "route53",      "sakuracloud"};
constexpr std::string_view kDnsOptions[] = {"", "-credentials", "-propagation-seconds", "-project"};

}  // namespace

bool is_certbot_option(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', '-');
  if (std::ranges::binary_search(kOptions, std::string_view(text))) return true;
  constexpr std::string_view kDns = "dns-";
  if (!text.starts_with(kDns)) return false;
  return std::ranges::any_of(kDnsPlugins, [&](std::string_view plugin) {
    return text.compare(kDns.size(), plugin.size(), plugin) == 0 &&
           std::ranges::find(kDnsOptions, std::string_view(text).substr(kDns.size() + plugin.size())) !=
               std::end(kDnsOptions);
  });
}

}  // namespace everseal::importer
