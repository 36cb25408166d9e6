#include "importer/foreign_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "pki/chain.h"
#include "pki/name.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 1 << 20;
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

uid_t owner_of(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) throw base::errno_error("look at", path);
  return status.st_uid;
}

// `real` is what `file`, a path below `directory`, leads to.
void require_own(const std::string& directory, const std::string& file, const fs::path& real) {
  const fs::path top = fs::canonical(directory);
  if (std::ranges::mismatch(top, real).in1 != top.end())
    throw base::Error(
        base::Fault::denied,
        fmt::format("{} leads out of {}, so it is not read", base::printable(file), base::printable(directory)),
        "put a copy there in place of the link, if it belongs there");
  const uid_t owner = owner_of(real.string());
  if (owner != 0 && owner != ::geteuid() && owner != owner_of(directory))
    throw base::Error(base::Fault::denied,
                      fmt::format("{} belongs to another user than {}, so it is not read", base::printable(file),
                                  base::printable(directory)),
                      "`chown` it, if it belongs there");
}

}  // namespace

base::Secret read_anywhere(const std::string& file) { return base::read_regular_file(file, kLargest); }

base::Secret ClientDirectory::read(const std::string& file) const {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  if (error) return read_anywhere(file);  // which says why not
  require_own(path_, file, real);
  return read_anywhere(real.string());
}

base::Secret ClientDirectory::read_if_there(const std::string& file) const {
  try {
    return read(file);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::not_found) throw;
    return {};
  }
}

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

namespace {

std::vector<pki::Certificate> read_certificates(const ClientDirectory& directory,
                                                const std::vector<std::string>& files) {
  std::vector<pki::Certificate> all;
  for (const std::string& file : files) {
    const base::Secret text = directory.read_if_there(file);
    if (base::trim(text.reveal_text()).empty()) continue;
    auto some = base::within(base::printable(file), [&] { return pki::Certificate::parse_all(text.reveal()); });
    std::ranges::move(some, std::back_inserter(all));
  }
  if (all.empty())
    throw base::Error(base::Fault::not_found,
                      "there is no certificate at " + base::printable(base::join(files, " or ")));
  return all;
}

}  // namespace

KeyPair read_key_pair(const ClientDirectory& directory, const base::Secret& key,
                      const std::vector<std::string>& certificates) {
  std::vector<pki::Certificate> all = read_certificates(directory, certificates);
  try {
    pki::PrivateKey ours = base::within("its key", [&] { return pki::PrivateKey::parse(key); });
    std::vector<pki::Certificate> chain = pki::order_chain(all, &ours, pki::RootPolicy::drop);
    return {std::move(chain), std::move(ours)};
  } catch (const base::Error&) {
    std::vector<pki::Certificate> chain = pki::order_chain(std::move(all), nullptr, pki::RootPolicy::drop);
    if (pki::summarise_public_key(chain.front().public_key_info()).type) throw;
    return {std::move(chain), std::nullopt};
  }
}

std::optional<pki::Identifier> identifier_of(std::string_view name) {
  try {
    return pki::Identifier::parse(base::trim(name));
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

std::string zone_of(const pki::Identifier& name) {
  if (name.kind() != pki::IdentifierKind::dns) return {};
  return name.is_wildcard() ? name.text().substr(2) : name.text();
}

std::string quoted_zones(const std::vector<pki::Identifier>& names) {
  std::vector<std::string> zones;
  for (const pki::Identifier& name : names)
    if (std::string zone = fmt::format("\"{}\"", zone_of(name));
        zone.size() > 2 && std::ranges::find(zones, zone) == zones.end())
      zones.push_back(std::move(zone));
  return base::join(zones, ", ");
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

void put_port(base::Table& options, std::string_view name, std::string_view text) {
  const std::uint16_t port = base::parse_number<std::uint16_t>(text).value_or(0);
  if (port != 0) options.emplace_back(name, base::number_value(port));
}

std::optional<std::size_t> find_account(const Found& found, const std::function<bool(const Account&)>& is_it) {
  const auto account = std::ranges::find_if(found.accounts, is_it);
  if (account == found.accounts.end()) return std::nullopt;
  return static_cast<std::size_t>(account - found.accounts.begin());
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

void leave_unused_key(Found& found, const Lineage& lineage) {
  if (lineage.key) return;
  found.leave(lineage.label,
              fmt::format("has a key that is not used here, {}: the next renewal makes one of another type",
                          pki::summarise_public_key(lineage.chain.front().public_key_info()).text),
              "`key` in its file in conf.d says which; until then the present certificate stays where it is");
}

void each_alone(Found& found, const std::string& subject, const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    found.remarks.push_back({Remark::Kind::unreadable, subject, error.message(), error.hint()});
  }
}

}  // namespace everseal::importer
