#include "importer/foreign_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "pki/chain.h"
#include "pki/name.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 1 << 20;
constexpr std::size_t kLongestText = 400;
constexpr int kDeepestFolder = 8;
constexpr std::size_t kMostFolders = 10'000;

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

base::Secret read_if_there(const std::string& path) {
  try {
    return read(path);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::not_found) throw;
    return {};
  }
}

base::Secret read(const std::string& path) { return base::read_regular_file(path, kLargest); }

bool is_directory(const std::string& path) noexcept {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_file(const std::string& path) noexcept {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::vector<std::string> names_in(const std::string& directory) {
  if (!is_directory(directory)) return {};
  std::vector<std::string> names = base::Directory::open(directory).list();
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

std::vector<std::string> folders_with(const std::string& top, const std::string& file) {
  std::vector<std::string> found;
  std::vector<std::string> level{""};
  std::size_t looked_at = 0;
  for (int depth = 0; depth <= kDeepestFolder && !level.empty(); ++depth) {
    std::vector<std::string> next;
    for (const std::string& folder : level) {
      if (++looked_at > kMostFolders)
        throw base::Error(base::Fault::invalid,
                          fmt::format("{} has more than {} folders", base::printable(top), kMostFolders));
      for (const std::string& name : names_in(top + folder))
        if (name == file)
          found.push_back(folder);
        else if (is_directory(fmt::format("{}{}/{}", top, folder, name)))
          next.push_back(fmt::format("{}/{}", folder, name));
    }
    level = std::move(next);
  }
  return found;
}

std::vector<pki::Certificate> read_chain(const std::vector<std::string>& paths, const pki::PrivateKey& key) {
  std::vector<pki::Certificate> all;
  for (const std::string& path : paths) {
    const base::Secret text = read_if_there(path);
    if (base::trim(text.reveal_text()).empty()) continue;
    auto some = base::within(base::printable(path), [&] { return pki::Certificate::parse_all(text.reveal()); });
    std::ranges::move(some, std::back_inserter(all));
  }
  if (all.empty())
    throw base::Error(base::Fault::not_found,
                      "there is no certificate at " + base::printable(base::join(paths, " or ")));
  return pki::order_chain(std::move(all), &key, pki::RootPolicy::drop);
}

std::string authority_of(const std::string& url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return {};
  return base::lower(url.substr(kScheme.size(), url.find_first_of("/?#", kScheme.size()) - kScheme.size()));
}

Server server_of(const std::string& directory) {
  const std::string authority = authority_of(directory);
  return authority.empty() ? Server() : Server{directory, authority};
}

Server server_at(const std::string& authority) {
  const auto known = std::ranges::find_if(
      kDirectories, [&](std::string_view url) { return authority_of(std::string(url)) == authority; });
  return {known == std::end(kDirectories) ? std::string() : std::string(*known), authority};
}

std::string zone_of(std::string_view name) {
  try {
    const auto identifier = pki::Identifier::parse(base::trim(name));
    if (identifier.kind() != pki::IdentifierKind::dns) return {};
    return identifier.is_wildcard() ? identifier.text().substr(2) : identifier.text();
  } catch (const base::Error&) {
    return {};
  }
}

void put_port(base::Table& options, std::string_view name, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size() && port != 0)
    options.emplace_back(name, base::number_value(port));
}

std::optional<std::size_t> find_account(const Found& found, const std::function<bool(const Account&)>& is_it) {
  const auto account = std::ranges::find_if(found.accounts, is_it);
  if (account == found.accounts.end()) return std::nullopt;
  return static_cast<std::size_t>(account - found.accounts.begin());
}

std::string shown(std::string_view text) {
  return base::printable(text.substr(0, kLongestText)) + (text.size() > kLongestText ? "..." : "");
}

void leave_all(Found& found, const std::string& subject, std::span<const Leftover> leftovers,
               const std::function<std::string(std::string_view)>& value_of) {
  for (const Leftover& one : leftovers)
    if (const std::string value = value_of(one.name); !value.empty())
      found.leave(subject, fmt::format("{} ({} = {})", one.text, one.name, shown(value)), std::string(one.advice));
}

void leave_without_key(Found& found, const std::string& subject) {
  found.leave(subject, "its key is not here: it was made from a request of its own",
              "`everseal issue --csr` has such a request signed");
}

void leave_outside_zones(Found& found, const std::string& subject, std::string_view name) {
  found.leave(subject, fmt::format("{} is no DNS name, so no [challenge.NAME] says how it is proved", shown(name)),
              "options of the [issuer.NAME] do: `challenge`, `webroot`, `http_port`");
}

void each_alone(Found& found, const std::string& subject, const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    found.remarks.push_back({Remark::Kind::unreadable, subject, error.message(), error.hint()});
  }
}

}  // namespace everseal::importer
