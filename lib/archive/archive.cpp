#include "archive/archive.h"

#include "archive/manifest.h"
#include "base/error.h"
#include "base/number.h"
#include "base/shell.h"
#include "base/text.h"
#include "keystore/keystore.h"
#include "pki/chain.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::archive {
namespace {

using base::Directory;
using base::Error;
using base::Fault;

constexpr const char* kKey = kKeyFile.data();
constexpr const char* kCertificate = "cert.pem";
constexpr const char* kChain = "chain.pem";
constexpr const char* kFullChain = "fullchain.pem";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kRemoval = "removed.json";
constexpr const char* kRequests = "requests.json";
constexpr std::size_t kLimit = 4 << 20;  // of one file of a version: a long chain of large certificates is 200 kB
constexpr mode_t kPrivate = 0700;

std::string complete_name(int number) { return std::to_string(number); }
std::string staging_name(int number) { return fmt::format(".{}", number); }

std::optional<int> version_number(std::string_view text) {
  const auto number = base::parse_number<int>(text);
  return number && *number > 0 && text.front() != '0' ? number : std::nullopt;
}

// What was renamed so that it is no version any more; ".NAME.removed" is no name and ".7.removed" no number.
constexpr std::string_view kRemoved = ".removed";
std::string removed_name(std::string_view name) { return fmt::format(".{}{}", name, kRemoved); }
bool is_removed(std::string_view entry) { return entry.starts_with('.') && entry.ends_with(kRemoved); }

void sweep_removed(const Directory& directory) {
  for (const std::string& entry : directory.list())
    if (is_removed(entry)) directory.remove_tree(entry);
}

void remove_by_rename(const Directory& directory, const std::string& name) {
  const std::string removed = removed_name(name);
  directory.remove_tree(removed);
  if (!directory.has(name)) return;
  directory.rename(name, removed);
  directory.remove_tree(removed);
}

// In the directory of a version: what a person put beside a key that was wrong, and what a crash left.
bool is_put_aside(std::string_view entry) {
  return entry.starts_with('.') || (entry.starts_with(kKeyFile) && entry != kKeyFile);
}

// Did Directory::move_aside() make that of `name`?
bool is_aside(std::string_view entry, std::string_view name) {
  const std::string hidden = fmt::format(".{}.aside", name);
  if (!entry.starts_with(hidden)) return false;
  const std::string_view number = entry.substr(hidden.size());
  return number.empty() || (number.front() == '-' && base::parse_number<int>(number.substr(1)));
}

// Is there a file or directory? What else goes wrong is no answer.
bool stands(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) throw base::errno_error("look at", path);
  return false;
}

bool is_link(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

// The directories below `parent` whose name is `prefix` and a version's number.
std::vector<int> numbered(const std::optional<Directory>& parent, std::string_view prefix) {
  std::vector<int> found;
  if (!parent) return found;
  for (const std::string& entry : parent->list()) {
    if (!entry.starts_with(prefix)) continue;
    const auto number = version_number(std::string_view(entry).substr(prefix.size()));
    if (number && parent->has_directory(entry)) found.push_back(*number);
  }
  std::ranges::sort(found);
  return found;
}

Directory root(const std::string& state) { return Directory::open(state).subdirectory("archive"); }
Directory live_directory(const std::string& state) { return Directory::open(state).subdirectory("live"); }

std::optional<Directory> directory_of(const std::string& state, const Name& name) {
  const Directory archive = root(state);
  const auto link = archive.read_link(name.text());
  if (!link) return archive.subdirectory_if_exists(name.text());
  const std::string path = fmt::format("{}/{}", archive.path(), name);
  throw Error(Fault::config, fmt::format("{} is a symbolic link: no key is read or written behind one", path),
              fmt::format("put what it leads to in its place: `rm {0} && mv {1} {0}`", base::shell_word(path),
                          base::shell_word(base::printable(
                              link->starts_with('/') ? *link : fmt::format("{}/{}", archive.path(), *link)))));
}

std::optional<Directory> version_directory(const std::string& state, const Name& name, const std::string& version) {
  const auto parent = directory_of(state, name);
  if (!parent) return std::nullopt;
  return parent->subdirectory_if_exists(version);
}

Directory staging_directory(const std::string& state, const Name& name, int number) {
  directory_of(state, name);  // no link
  return root(state).create_subdirectory(name.text(), kPrivate).create_subdirectory(staging_name(number), kPrivate);
}

std::string described(const Name& name, int number) { return fmt::format("version {} of {}", number, name); }

[[noreturn]] void refuse_finished(const Name& name, int number, std::string_view why) {
  throw Error(Fault::exists, fmt::format("{} is complete already {}", described(name, number), why),
              "a complete version never changes; take the next number");
}

// What went wrong inside a stored file is corruption, whoever noticed it.
template <class Work>
auto reading(const std::string& path, Work&& work) {
  try {
    return work();
  } catch (Error& error) {
    if (error.fault() == Fault::io) throw;
    throw Error(Fault::corrupt, fmt::format("cannot use {}: {}", path, error.message()),
                "restore it from a backup, or renew the certificate");
  }
}

std::optional<pki::Signer> open_key(const Directory& version) {
  return reading(fmt::format("{}/{}", version.path(), kKey),
                 [&] { return keystore::file().open({.directory = version, .name = kKey}); });
}

std::string pem_of(std::span<const pki::Certificate> certificates) {
  std::string text;
  for (const pki::Certificate& certificate : certificates) text += certificate.pem();
  return text;
}

struct Content {
  const char* file;
  std::string text;
};

std::vector<Content> contents_of(const Manifest& manifest, std::span<const pki::Certificate> chain) {
  const std::string leaf = pem_of(chain.first(1));
  const std::string rest = pem_of(chain.subspan(1));
  return {{kCertificate, leaf}, {kChain, rest}, {kFullChain, leaf + rest}, {kManifest, to_json(manifest)}};
}

bool says_revoked(const Manifest& found, const Manifest& wanted) {
  if (!wanted.revoked) return true;
  return found.revoked && !pki::is_graver(wanted.revoked->reason, found.revoked->reason);
}

// A manifest of an older form says the same in other words.
bool is_manifest_of(base::BytesView json, const Manifest& manifest) {
  try {
    const Manifest found = parse_manifest(base::as_text(json));
    return found.name == manifest.name && found.number == manifest.number &&
           found.fingerprint == manifest.fingerprint && says_revoked(found, manifest);
  } catch (const Error&) {
    return false;
  }
}

bool is_damaged(const Directory& version, const Content& content, const Manifest& manifest) {
  try {
    const auto found = version.read(content.file, kLimit);
    if (!found) return true;
    return content.file == kManifest ? !is_manifest_of(*found, manifest) : base::as_text(*found) != content.text;
  } catch (const Error& error) {
    if (error.fault() != Fault::invalid) throw;
    return true;  // no regular file
  }
}

base::Bytes required(const Directory& version, const char* name) {
  auto bytes = version.read(name, kLimit);
  if (!bytes) throw Error(Fault::corrupt, "it is missing");
  return std::move(*bytes);
}

Manifest read_manifest(const Directory& directory, const Name& name, int number) {
  return reading(fmt::format("{}/{}", directory.path(), kManifest), [&] {
    const base::Bytes json = required(directory, kManifest);
    Manifest manifest = parse_manifest(base::as_text(json));
    if (manifest.name != name || manifest.number != number)
      throw Error(Fault::corrupt, fmt::format("it describes {}", described(manifest.name, manifest.number)));
    return manifest;
  });
}

Version read_version(const Directory& directory, const Name& name, int number) {
  Version version;
  version.manifest = read_manifest(directory, name, number);
  version.chain = reading(fmt::format("{}/{}", directory.path(), kFullChain), [&] {
    auto chain = pki::Certificate::parse_all(required(directory, kFullChain));
    if (chain.empty()) throw Error(Fault::corrupt, "there is no certificate in it");
    if (chain.front().fingerprint().text() != version.manifest.fingerprint)
      throw Error(Fault::corrupt, "its first certificate is not the one that the manifest names");
    return chain;
  });
  version.has_key = directory.has(kKey);
  version.directory = directory.path();
  return version;
}

void require_matching_key(const Directory& directory, const Version& version) {
  if (version.manifest.external_key) return;
  const std::string what = described(version.manifest.name, version.manifest.number);
  const auto key = open_key(directory);
  if (!key)
    throw Error(Fault::invalid, fmt::format("{} has no private key any more", what), "renew the certificate instead");
  if (!pki::key_matches(*key, version.chain.front()))
    throw Error(Fault::invalid, fmt::format("the private key of {} does not match its certificate", what),
                "renew the certificate; this version is never put in use");
}

}  // namespace

Archive::Archive(const std::string& state) : state_(state) {
  const Directory directory = Directory::open(state);
  directory.create_subdirectory("archive", kPrivate);
  directory.create_subdirectory("live", kPrivate);
}

pki::Signer Archive::stage_key(const Name& name, int number, pki::KeyType type) const {
  if (const auto complete = version_directory(state_, name, complete_name(number))) {
    auto key = open_key(*complete);
    if (!key || key->type() != type) refuse_finished(name, number, "with another key");
    return std::move(*key);
  }
  const Directory staging = staging_directory(state_, name, number);
  const keystore::Location at{.directory = staging, .name = kKey};
  if (auto earlier = open_key(staging)) {
    if (earlier->type() == type) return std::move(*earlier);
    keystore::file().remove(at);
  }
  return keystore::file().create(at, type);
}

void Archive::stage_key(const Name& name, int number, const pki::PrivateKey& key) const {
  if (const auto complete = version_directory(state_, name, complete_name(number))) {
    const auto present = open_key(*complete);
    if (!present || present->public_key_info() != key.public_key_info())
      refuse_finished(name, number, "with another key");
    return;
  }
  const Directory staging = staging_directory(state_, name, number);
  const keystore::Location at{.directory = staging, .name = kKey};
  if (const auto earlier = open_key(staging)) {
    if (earlier->public_key_info() == key.public_key_info()) return;
    keystore::file().remove(at);
  }
  keystore::file().import_key(at, key);
}

std::optional<pki::Signer> Archive::staged_key(const Name& name, int number) const {
  const auto staging = version_directory(state_, name, staging_name(number));
  if (!staging) return std::nullopt;
  return open_key(*staging);
}

void Archive::complete(const Manifest& manifest, std::span<const pki::Certificate> chain) const {
  const Name& name = manifest.name;
  const int number = manifest.number;
  const std::string what = described(name, number);
  if (chain.empty()) throw Error(Fault::invalid, fmt::format("{} has no certificate", what));
  Manifest written = manifest;
  written.fingerprint = chain.front().fingerprint().text();

  if (const auto present = read(name, number)) {
    if (!std::ranges::equal(present->chain, chain)) refuse_finished(name, number, "with another certificate");
    return discard_staging(name, number);
  }
  const Directory staging = staging_directory(state_, name, number);
  if (!manifest.external_key) {
    const auto key = open_key(staging);
    if (!key)
      throw Error(Fault::not_found, fmt::format("{} has no private key", what),
                  "the key is made before the certificate is asked for");
    if (!pki::key_matches(*key, chain.front()))
      throw Error(Fault::invalid, fmt::format("the issuer's certificate for {} is for another key", what),
                  "nothing was put in use; look at what the issuer returned");
  }

  // An earlier run may have left temporary files here, one of them with the key in it.
  for (const std::string& entry : staging.list())
    if (entry != kKey || manifest.external_key) staging.remove_tree(entry);
  const std::vector<Content> contents = contents_of(written, chain);
  std::vector<base::NewFile> files;
  for (const Content& content : contents) files.push_back({content.file, base::as_bytes(content.text)});
  staging.write_new(files);
  root(state_).subdirectory(name.text()).rename(staging_name(number), complete_name(number));
}

void Archive::discard_staging(const Name& name, int number) const {
  const auto parent = directory_of(state_, name);
  if (parent && parent->has(staging_name(number))) parent->remove_tree(staging_name(number));
}

void Archive::make_live(const Name& name, int number) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory) throw Error(Fault::not_found, fmt::format("there is no {}", described(name, number)));
  require_matching_key(*directory, read_version(*directory, name, number));
  const LiveLink link = live_link(name);
  const Directory links = Directory::open(state_).create_subdirectory("live", kPrivate);
  if (link.kind == LiveLink::Kind::no_link)
    throw Error(Fault::exists, fmt::format("{}/{} is no symbolic link", links.path(), name),
                "`everseal doctor --mend` moves it aside and puts the link in its place");
  if (link.number == number) return links.sync();
  links.switch_link(name.text(), fmt::format("../archive/{}/{}", name, number));
}

std::optional<int> Archive::live(const Name& name) const {
  const LiveLink link = live_link(name);
  if (link.kind == LiveLink::Kind::elsewhere)
    throw Error(
        Fault::corrupt,
        fmt::format("the link {} leads to {}, which is no version", live_path(name), base::printable(link.target)),
        "`everseal doctor --mend` puts it right");
  return link.number;
}

LiveLink live_link_of(const std::string& state, const Name& name) {
  const std::string path = fmt::format("{}/live/{}", state, name);
  std::array<char, 256> held{};  // longer than any that is ours
  const ssize_t length = ::readlink(path.c_str(), held.data(), held.size());
  if (length < 0) {
    if (errno == EINVAL) return {.kind = LiveLink::Kind::no_link};
    if (errno != ENOENT && errno != ENOTDIR) throw base::errno_error("look at", path);
    return {.kind = LiveLink::Kind::missing};
  }
  const std::string_view target(held.data(), static_cast<std::size_t>(length));
  const std::string prefix = fmt::format("../archive/{}/", name);
  const auto number = target.starts_with(prefix) ? version_number(target.substr(prefix.size())) : std::nullopt;
  return {.kind = number ? LiveLink::Kind::version : LiveLink::Kind::elsewhere,
          .number = number,
          .target = std::string(target)};
}

Standing standing_of(const std::string& state, const Name& name, int number) {
  const std::string parent = fmt::format("{}/archive/{}", state, name);
  const std::string directory = fmt::format("{}/{}/", parent, number);
  const bool is_read = !is_link(parent) && !is_link(fmt::format("{}/{}", parent, number));  // nothing behind one
  const auto has = [&](const char* file) { return is_read && stands(directory + file); };
  return {.exists = has("."),
          .complete = has(kCertificate) && has(kChain) && has(kFullChain) && has(kManifest),
          .has_key = has(kKey),
          .live = live_link_of(state, name).number == number};
}

LiveLink Archive::live_link(const Name& name) const { return live_link_of(state_, name); }

Standing Archive::standing(const Name& name, int number) const { return standing_of(state_, name, number); }

std::optional<Version> Archive::read(const Name& name, int number) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory) return std::nullopt;
  return read_version(*directory, name, number);
}

std::optional<base::Secret> Archive::key_pem(const Name& name, int number) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory) return std::nullopt;
  return directory->read_secret(kKey, kLimit);
}

std::optional<pki::Signer> Archive::key(const Name& name, int number) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory) return std::nullopt;
  return open_key(*directory);
}

namespace {

Directory require_version(const std::string& state, const Manifest& manifest) {
  auto directory = version_directory(state, manifest.name, complete_name(manifest.number));
  if (!directory)
    throw Error(Fault::not_found, fmt::format("there is no {}", described(manifest.name, manifest.number)));
  return std::move(*directory);
}

}  // namespace

std::vector<std::string> Archive::damage(const Manifest& manifest, std::span<const pki::Certificate> chain) const {
  const Directory directory = require_version(state_, manifest);
  std::vector<std::string> damaged;
  for (const Content& content : contents_of(manifest, chain))
    if (is_damaged(directory, content, manifest)) damaged.emplace_back(content.file);
  return damaged;
}

void Archive::repair(const Manifest& manifest, std::span<const pki::Certificate> chain) const {
  const Directory directory = require_version(state_, manifest);
  for (const Content& content : contents_of(manifest, chain))
    if (is_damaged(directory, content, manifest)) {
      if (directory.has_directory(content.file)) directory.move_aside(content.file);
      directory.replace(content.file, base::as_bytes(content.text));
    }
}

std::optional<Manifest> Archive::manifest(const Name& name, int number) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory || !directory->has(kManifest)) return std::nullopt;
  return read_manifest(*directory, name, number);
}

void Archive::note_revoked(const Name& name, int number, const Revoked& revoked) const {
  const auto directory = version_directory(state_, name, complete_name(number));
  if (!directory) return;
  Manifest manifest = read_manifest(*directory, name, number);
  manifest.revoked = revoked;
  directory->replace(kManifest, base::as_bytes(to_json(manifest)));
}

std::string Archive::move_aside(const Name& name) const { return live_directory(state_).move_aside(name.text()); }

namespace {

// A copy of another version; one whose manifest cannot be read may be what it is called.
bool describes_another(const Directory& versions, const Name& name, int number) {
  try {
    const auto json = versions.subdirectory(complete_name(number)).read(kManifest, kLimit);
    const Manifest manifest = parse_manifest(json ? base::as_text(*json) : std::string_view());
    return manifest.name != name || manifest.number != number;
  } catch (const Error& error) {
    if (error.fault() != Fault::corrupt) throw;
    return false;
  }
}

}  // namespace

std::optional<std::string> Archive::clear_way(const Name& name, int number) const {
  const Directory archive = root(state_);
  const bool leads_somewhere = stands(fmt::format("{}/{}/.", archive.path(), name));
  if (archive.has(name.text()) && !leads_somewhere) return archive.move_aside(name.text());
  const auto parent = directory_of(state_, name);
  if (!parent) return std::nullopt;
  const std::string complete = complete_name(number), staging = staging_name(number);
  if (parent->has(staging) && !parent->has_directory(staging)) return parent->move_aside(staging);
  const bool is_whole = parent->has_directory(complete) && standing(name, number).complete;
  if (!parent->has(complete) || (is_whole && !describes_another(*parent, name, number))) return std::nullopt;
  return parent->move_aside(complete);
}

std::string Archive::live_path(const Name& name) const {
  return fmt::format("{}/{}", live_directory(state_).path(), name);
}

std::vector<std::string> Archive::paths(const Name& name, int number) const {
  std::vector<std::string> paths;
  const auto directory = version_directory(state_, name, complete_name(number));
  for (const char* const file : {kKey, kCertificate, kChain, kFullChain})
    if (directory && directory->has(file)) paths.push_back(fmt::format("{}/{}", directory->path(), file));
  return paths;
}

std::vector<int> Archive::close_keys(const Name& name) const {
  constexpr mode_t kOthers = 0077;
  std::vector<int> closed;
  for (const int number : numbers(name)) {
    const auto version = version_directory(state_, name, complete_name(number));
    struct stat status {};
    if (!version || ::fstatat(version->descriptor(), kKey, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode) || (status.st_mode & kOthers) == 0) continue;
    const auto key = base::file_system().open(version->descriptor(), kKey, O_RDONLY, 0);
    base::file_system().change_mode(key.get(), status.st_mode & 07700);
    closed.push_back(number);
  }
  return closed;
}

void Archive::remove_key(const Name& name, int number) const {
  if (const auto directory = version_directory(state_, name, complete_name(number)))
    keystore::file().remove({.directory = *directory, .name = kKey});
}

KeyRemoval Archive::remove_keys(const Name& name) const {
  KeyRemoval removal;
  const auto attempt = [&](const auto& work) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      removal.problems.push_back(base::printable(error.message()));
      return false;
    }
  };
  const auto parent = directory_of(state_, name);
  for (const int number : numbers(name)) {
    const auto version = parent->subdirectory_if_exists(complete_name(number));
    if (!version) continue;
    const bool had = version->has(kKey);
    const bool gone = attempt([&] { keystore::file().remove({.directory = *version, .name = kKey}); });
    if (had && gone) removal.removed.push_back(number);
    for (const std::string& entry : version->list())
      if (is_put_aside(entry)) attempt([&] { version->remove_tree(entry); });
  }
  // Hidden ones grow or were about to be deleted, and may have a key each.
  for (const std::string& entry : parent ? parent->list() : std::vector<std::string>())
    if (entry.starts_with('.')) attempt([&] { parent->remove_tree(entry); });
  attempt([&] { root(state_).remove_tree(removed_name(name.text())); });
  // What once stood in the place of all versions, or of the link.
  for (const Directory& beside : {root(state_), live_directory(state_)})
    for (const std::string& entry : beside.list())
      if (is_aside(entry, name.text())) attempt([&] { beside.remove_tree(entry); });
  return removal;
}

void Archive::remove_version(const Name& name, int number) const {
  const auto parent = directory_of(state_, name);
  if (!parent) return;
  if (live_link(name).number == number)
    throw Error(Fault::denied, fmt::format("{} is in use", described(name, number)), "put another in use first");
  remove_by_rename(*parent, complete_name(number));
}

void Archive::remove(const Name& name) const {
  live_directory(state_).remove(name.text());
  remove_by_rename(root(state_), name.text());
}

void Archive::sweep() const {
  const Directory archive = root(state_);
  sweep_removed(archive);
  archive.sweep_temporaries();
  for (const Name& name : names()) {
    const Directory parent = archive.subdirectory(name.text());
    sweep_removed(parent);
    parent.sweep_temporaries();
  }
  if (const auto links = Directory::open(state_).subdirectory_if_exists("live")) links->sweep_temporaries();
}

std::vector<Name> Archive::names() const {
  const Directory directory = root(state_);
  std::vector<Name> found;
  for (const std::string& entry : directory.list())
    if (Name::is_valid(entry) && directory.has_directory(entry)) found.push_back(Name::parse(entry));
  return found;
}

std::vector<int> Archive::numbers(const Name& name) const { return numbered(directory_of(state_, name), ""); }

void Archive::mark_removed(const Name& name, base::Time when) const {
  const auto parent = directory_of(state_, name);
  if (!parent) return;
  const std::vector<int> left = numbers(name);
  if (!left.empty()) parent->replace(kRemoval, base::as_bytes(to_json(Removal{left.back(), when})));
}

int Archive::removed_through(const Name& name) const {
  const auto parent = directory_of(state_, name);
  if (!parent) return 0;
  return reading(fmt::format("{}/{}", parent->path(), kRemoval), [&] {
    const auto json = parent->read(kRemoval, kLimit);
    return json ? parse_removal(base::as_text(*json)).through : 0;
  });
}

void Archive::note_requests(const Name& name, const std::vector<Request>& requests) const {
  const auto parent = directory_of(state_, name);
  if (!parent || (requests.empty() && !parent->has(kRequests))) return;
  if (parent->has_directory(kRequests)) parent->move_aside(kRequests);
  if (requests.empty()) return parent->remove(kRequests);
  const std::string json = to_json(requests);
  const auto written = parent->read(kRequests, kLimit);
  if (!written || base::as_text(*written) != json) parent->replace(kRequests, base::as_bytes(json));
}

std::vector<Request> Archive::requests(const Name& name) const {
  const auto parent = directory_of(state_, name);
  if (!parent) return {};
  return reading(fmt::format("{}/{}", parent->path(), kRequests), [&] {
    const auto json = parent->read(kRequests, kLimit);
    return json ? parse_requests(base::as_text(*json)) : std::vector<Request>();
  });
}

std::vector<int> Archive::staged(const Name& name) const { return numbered(directory_of(state_, name), "."); }

}  // namespace everseal::archive
