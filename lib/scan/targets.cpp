#include "scan/targets.h"

#include "base/error.h"
#include "base/number.h"
#include "base/secret_file.h"
#include "base/text.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "probe/address.h"
#include "probe/starttls.h"
#include "scan/named_file.h"
#include "scan/range.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using base::Error;
using base::Fault;

std::string starttls_of(const probe::Target& target, const std::string& said) {
  if (said == kNoStarttls) return {};
  if (!said.empty()) return std::string(probe::require_starttls(said).name);
  const probe::Starttls* const custom = probe::starttls_on(target.port);
  return custom == nullptr ? std::string() : std::string(custom->name);
}

// An address without a name to ask for serves whom it likes.
std::vector<pki::Identifier> asked_of(const probe::Target& target) {
  if (!target.sni.empty()) return {pki::Identifier::parse(pki::IdentifierKind::dns, target.sni)};
  if (probe::is_address(target.host)) return {};
  std::string host = target.host;
  if (host.ends_with('.')) host.pop_back();
  return {pki::Identifier::parse(pki::IdentifierKind::dns, host)};
}

// "10.0.0.0/24:8443" -> "10.0.0.0/24", "8443"; "[2001:db8::]/126:443" -> "2001:db8::/126", "443"
std::pair<std::string, std::string_view> split_range(std::string_view text) {
  const auto slash = text.find('/');
  const auto colon = text.find(':', slash);
  std::string network(text.substr(0, colon));
  if (network.starts_with('[') && network[slash - 1] == ']') network.erase(slash - 1, 1).erase(0, 1);
  return {std::move(network), colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1)};
}

std::string_view what_to_write(std::string_view text) {
  if (text.starts_with('/') || text.starts_with('.')) return "a file or directory is named as a TARGET of its own";
  return "write HOST:PORT, or ADDRESS/BITS or ADDRESS/BITS:PORT, for example 10.0.0.0/24:443";
}

// "https://www.example.org:8443/shop?id=7" -> "www.example.org:8443"
std::string_view endpoint_of_url(std::string_view url) {
  constexpr std::string_view kHttps = "https://";
  if (!base::lower(url.substr(0, kHttps.size())).starts_with(kHttps))
    throw Error(Fault::usage, fmt::format("\"{}\" is no URL of https", base::printable(url)),
                "write HOST:PORT, and --starttls where something is spoken before TLS");
  const std::string_view rest = url.substr(kHttps.size());
  return rest.substr(0, rest.find_first_of("/?#"));
}

std::vector<Wanted> parse_range(std::string_view text, const Defaults& defaults, std::size_t most) {
  const auto [network, port] = split_range(text);
  const auto range = Range::parse(network);
  const auto number = port.empty() ? std::optional<std::uint16_t>(443) : base::parse_number<std::uint16_t>(port);
  if (!range || !number || *number == 0)
    throw Error(Fault::usage,
                fmt::format("\"{}\" is neither an endpoint nor a range of addresses", base::printable(text)),
                std::string(what_to_write(text)));
  if (range->size() > most)
    throw Error(Fault::usage,
                fmt::format("{} has {} addresses, more than the {} that are let be", text, range->size_text(), most),
                range->size() <= kMostOfAnyRange
                    ? fmt::format("say --most {} if you mean all of them", range->size())
                    : fmt::format("name smaller ranges; --most takes {} at most", kMostOfAnyRange));
  std::vector<Wanted> all;
  for (std::uint64_t i = 0; i < range->size(); ++i) {
    probe::Target target;
    target.host = range->address(i);
    target.port = *number;
    all.push_back(wanted(std::move(target), defaults));
  }
  return all;
}

// "http://HOST", "http://HOST:PORT/"; null where the endpoint names none.
std::shared_ptr<const probe::Proxy> proxy_of(const config::Endpoint& endpoint) {
  constexpr std::string_view kScheme = "http://";
  if (endpoint.proxy.empty()) return nullptr;
  std::string_view authority = std::string_view(endpoint.proxy).substr(kScheme.size());
  authority = authority.substr(0, authority.find('/'));
  auto proxy = std::make_shared<probe::Proxy>();
  const probe::Target target = probe::Target::parse(authority);
  proxy->host = target.host;
  const auto before_port = authority.find_last_not_of("0123456789");
  if (before_port != std::string_view::npos && authority[before_port] == ':') proxy->port = target.port;
  if (!endpoint.proxy_password_file) return proxy;
  const base::Secret login = base::read_secret_file(*endpoint.proxy_password_file);
  const std::string_view text = login.reveal_text();
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    throw Error(Fault::config, fmt::format("{} has no USER:PASSWORD", *endpoint.proxy_password_file));
  proxy->user = text.substr(0, colon);
  proxy->password = base::Secret(text.substr(colon + 1));
  return proxy;
}

// Null where the endpoint names none.
std::shared_ptr<const probe::ClientCertificate> client_of(const config::Endpoint& endpoint) {
  constexpr std::size_t kLargestChain = std::size_t{1} << 20;
  if (!endpoint.client_certificate_file || !endpoint.client_key_file) return nullptr;
  const std::string& path = *endpoint.client_certificate_file;
  const auto read = [](const std::string& file, const auto& parse) {
    try {
      return parse();
    } catch (const Error& error) {
      throw Error(Fault::config, fmt::format("client certificate: {}: {}", base::printable(file), error.message()),
                  error.hint());
    }
  };
  const base::Bytes octets = read_named_file(path, kLargestChain, "client certificate");
  const std::vector<pki::Certificate> chain = read(path, [&] { return pki::Certificate::parse_all(octets); });
  const base::Secret key = base::read_secret_document(*endpoint.client_key_file);
  const pki::Signer signer = read(*endpoint.client_key_file, [&] { return pki::PrivateKey::parse(key); });
  if (signer.public_key_info() != chain.front().public_key_info())
    throw Error(Fault::config,
                fmt::format("client certificate: the key in {} is not that of the first certificate in {}",
                            base::printable(*endpoint.client_key_file), base::printable(path)),
                "the file of the chain begins with the client's own certificate");
  auto client = std::make_shared<probe::ClientCertificate>(probe::ClientCertificate{.chain = {}, .key = signer});
  for (const pki::Certificate& one : chain) client->chain.push_back(one.der());
  return client;
}

void open_secrets(const config::Endpoint& endpoint, std::span<Wanted> targets) {
  const auto proxy = proxy_of(endpoint);
  const auto client = client_of(endpoint);
  for (Wanted& one : targets) {
    one.target.proxy = proxy;
    one.target.client = client;
  }
}

// What is wrong with an endpoint says of which it is.
template <class Work>
auto within(const config::Endpoint& endpoint, const Work& work) {
  return base::within(fmt::format("endpoint {}", endpoint.name), work);
}

}  // namespace

Wanted wanted(probe::Target target, const Defaults& defaults) {
  if (target.sni.empty() && !defaults.sni.empty()) {
    pki::require_server_name(defaults.sni);
    target.sni = defaults.sni;
  }
  if (target.sni == target.host) target.sni.clear();
  target.starttls = starttls_of(target, target.starttls.empty() ? defaults.starttls : target.starttls);
  Wanted one;
  one.name = target.sni.empty() ? target.text() : fmt::format("{} as {}", target.text(), target.sni);
  one.asked = asked_of(target);
  one.target = std::move(target);
  one.environment = defaults.environment;
  one.team = defaults.team;
  one.labels = defaults.labels;
  one.source = defaults.source;
  one.any_address = defaults.any_address;
  return one;
}

std::vector<Wanted> parse_targets(std::string_view text, const Defaults& defaults, std::size_t most) {
  if (text.find("://") != std::string_view::npos) text = endpoint_of_url(text);
  if (text.find('/') != std::string_view::npos) return parse_range(text, defaults, most);
  std::vector<Wanted> one;
  one.push_back(wanted(probe::Target::parse(text), defaults));
  return one;
}

std::vector<Wanted> targets_of(const config::Endpoint& endpoint, const config::Settings& settings, Secrets secrets) {
  const Defaults defaults{.environment = endpoint.environment,
                          .team = endpoint.team,
                          .labels = endpoint.labels,
                          .sni = endpoint.sni,
                          .starttls = endpoint.starttls,
                          .source = "config",
                          .any_address = endpoint.any_address,
                          .settings = &settings};
  return within(endpoint, [&] {
    std::vector<Wanted> all;
    for (const std::string& text : endpoint.targets)
      std::ranges::move(parse_targets(text, defaults, kMostOfRange), std::back_inserter(all));
    if (endpoint.targets_file)
      std::ranges::move(read_targets(*endpoint.targets_file, defaults, kMostOfRange), std::back_inserter(all));
    if (secrets == Secrets::opened) open_secrets(endpoint, all);
    return all;
  });
}

namespace {

std::vector<Wanted> targets_or_problem(const config::Endpoint& endpoint, const config::Settings& settings,
                                       Secrets secrets, base::Problems& problems) {
  try {
    return targets_of(endpoint, settings, secrets);
  } catch (const Error& error) {
    if (error.fault() != Fault::config && error.fault() != Fault::usage) throw;
    problems.push_back({.origin = endpoint.origin,
                        .key = {},
                        .message = error.message(),
                        .hint = error.hint(),
                        .subject = fmt::format("endpoint/{}", endpoint.name)});
    return {};
  }
}

}  // namespace

std::vector<Wanted> endpoints_of(const config::Settings& settings, Secrets secrets, base::Problems& problems) {
  std::vector<Wanted> all;
  for (const auto& [name, endpoint] : settings.endpoints)
    std::ranges::move(targets_or_problem(endpoint, settings, secrets, problems), std::back_inserter(all));
  return all;
}

std::optional<Wanted> endpoint_of(const config::Settings& settings, const std::string& name, base::Problems& problems) {
  for (const auto& [its_name, endpoint] : settings.endpoints) {
    auto all = targets_or_problem(endpoint, settings, Secrets::left, problems);
    const auto found = std::ranges::find(all, name, &Wanted::name);
    if (found == all.end()) continue;
    within(endpoint, [&] { open_secrets(endpoint, {found, 1}); });
    return std::move(*found);
  }
  return std::nullopt;
}

std::vector<Wanted> targets_of(const config::Certificate& certificate) {
  const auto first = std::ranges::find(certificate.identifiers, pki::IdentifierKind::dns, &pki::Identifier::kind);
  std::vector<Wanted> all;
  for (const config::Deployment& deployment : certificate.deployments)
    for (const config::VerifyTarget& verify : deployment.verify) {
      probe::Target target = probe::Target::parse(verify.connect);
      target.sni = verify.sni.empty() && first != certificate.identifiers.end() ? first->text() : verify.sni;
      target.starttls = verify.starttls.empty() ? std::string(kNoStarttls) : verify.starttls;
      all.push_back(wanted(std::move(target), {.environment = certificate.environment,
                                               .team = certificate.team,
                                               .labels = {},
                                               .sni = {},
                                               .starttls = {},
                                               .source = "config",
                                               .any_address = false}));
      all.back().deployed = Wanted::Deployed{certificate.name, deployment.name};
    }
  return all;
}

}  // namespace everseal::scan
