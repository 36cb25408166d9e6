#include "importer/foreign_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pki/chain.h"

#include <algorithm>
#include <charconv>

namespace everseal::importer {
namespace {

constexpr std::size_t kLargest = 1 << 20;

// Clients that keep only the CA's host.
constexpr std::string_view kDirectories[] = {
    "https://acme-v02.api.letsencrypt.org/directory",
    "https://acme-staging-v02.api.letsencrypt.org/directory",
    "https://acme.zerossl.com/v2/DV90",
    "https://api.buypass.com/acme/directory",
    "https://api.test4.buypass.no/acme/directory",
    "https://dv.acme-v02.api.pki.goog/directory",
    "https://dv.acme-v02.test-api.pki.goog/directory",
};

}  // namespace

std::optional<std::string> read_text(const std::string& path) {
  try {
    return std::string(base::as_text(base::read_file(path, kLargest)));
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::not_found) throw;
    return std::nullopt;
  }
}

base::Secret read_secret(const std::string& path) {
  base::Bytes bytes = base::read_file(path, kLargest);
  base::Secret secret(bytes);
  base::wipe(bytes.data(), bytes.size());
  return secret;
}

std::vector<std::string> names_in(const std::string& directory) {
  const auto opened = base::Directory::open_if_exists(directory);
  if (!opened) return {};
  std::vector<std::string> names = opened->list();
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

std::vector<pki::Certificate> read_chain(const std::vector<std::string>& paths, const pki::PrivateKey& key) {
  std::vector<pki::Certificate> all;
  for (const std::string& path : paths) {
    const auto text = read_text(path);
    if (!text) continue;
    auto some = base::within(path, [&] { return pki::Certificate::parse_all(base::as_bytes(*text)); });
    std::ranges::move(some, std::back_inserter(all));
  }
  if (all.empty()) throw base::Error(base::Fault::not_found, "there is no certificate at " + base::join(paths, " or "));
  std::vector<pki::Certificate> chain = pki::order_chain(std::move(all), &key, pki::RootPolicy::drop);
  if (!pki::key_matches(key, chain.front()))
    throw base::Error(base::Fault::invalid, "the private key does not match the certificate");
  return chain;
}

std::string authority_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  const std::size_t start = scheme + 3;
  return base::lower(url.substr(start, url.find_first_of("/?#", start) - start));
}

Server server_of(const std::string& directory) { return {directory, authority_of(directory)}; }

Server server_at(const std::string& authority) {
  const auto known = std::ranges::find_if(
      kDirectories, [&](std::string_view url) { return authority_of(std::string(url)) == authority; });
  return {known == std::end(kDirectories) ? std::string() : std::string(*known), authority};
}

void put_text(base::Table& options, std::string_view name, std::string text) {
  options.emplace_back(name, base::Value()).second.data = std::move(text);
}

void put_words(base::Table& options, std::string_view name, const std::vector<std::string>& words) {
  base::List list;
  for (const std::string& word : words) list.emplace_back().data = word;
  options.emplace_back(name, base::Value()).second.data = std::move(list);
}

void put_port(base::Table& options, std::string_view name, std::string_view text) {
  std::int64_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size())
    options.emplace_back(name, base::Value()).second.data = port;
}

void each_alone(Found& found, const std::string& subject, const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    found.remarks.push_back({Remark::Kind::unreadable, subject, error.message(), error.hint()});
  }
}

}  // namespace everseal::importer
