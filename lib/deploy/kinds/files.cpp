// Files for a server on this host:
//
//   DIR/.everseal/<name>/<revision>/<file>     written hidden, renamed when complete, never changed afterwards
//   DIR/.everseal/<name>/current -> <revision> the one rename that switches all files at once
//   DIR/<file> -> .everseal/<name>/current/<file>
//   DIR/.everseal/.before/<file>               what stood at DIR/<file> before
//
// A revision is the version's number, or "<number>.<n>" where the same version was staged again with other contents:
// what is being served never changes in place.
//
// DIR may belong to the files' owner while this runs as root, and what is above it to root, or to him
// (base::open_trusted). Everything below it is reached through directory descriptors without following a symbolic link,
// so that a link put in the way makes a step fail and leads nowhere else. The directories are 0755, as servers read as
// users of their own: owner and mode of the files protect them. Nothing is left in DIR itself but the files that were
// asked for, as some servers load whatever lies there.
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/path.h"
#include "base/shell.h"
#include "base/text.h"
#include "deploy/deploy.h"
#include "deploy/hook.h"
#include "deploy/material.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::deploy {
namespace {

using base::Directory;
using base::Error;
using base::Fault;
using base::Option;
using base::OptionType;

constexpr const char* kCurrent = "current";
constexpr const char* kBefore = ".before";                       // no certificate has such a name
constexpr std::string_view kFormerlyAside = ".before-everseal";  // behind a file's name, until 2026-11
constexpr mode_t kTraversable = 0755;
constexpr std::size_t kLimit = 64 << 20;       // a large CRL
constexpr std::size_t kLongestFileName = 200;  // leaves room for a number, and for the name of a temporary file

constexpr std::array<std::string_view, 2> kForms{"modern", "compatible"};

constexpr std::array<Option, 4> kItemFields{{
    {.name = "content",
     .type = OptionType::choice,
     .summary = "what the file holds",
     .required = true,
     .choices = kContentNames},
    {.name = "file", .summary = "its name in the directory; the default is the content's usual name"},
    {.name = "owner", .type = OptionType::owner, .summary = "user, user:group or :group of this file"},
    {.name = "mode", .type = OptionType::mode, .summary = "permissions of this file"},
}};

constexpr std::array<Option, 10> kFilesOptions{{
    {.name = "directory",
     .type = OptionType::directory,
     .summary = "where the server reads its files; must exist",
     .required = true},
    {.name = "contents",
     .type = OptionType::items,
     .summary = "the files, fullchain and privkey by default",
     .fields = kItemFields},
    {.name = "owner",
     .type = OptionType::owner,
     .summary = "user, user:group or :group of the files; the default is who runs Everseal"},
    {.name = "mode",
     .type = OptionType::mode,
     .summary = "permissions of the files; 0600 with a private key, 0644 without, by default"},
    {.name = "p12_password_file",
     .type = OptionType::secret_file,
     .summary = "file with the password of the PKCS#12 file"},
    {.name = "p12_form",
     .type = OptionType::choice,
     .summary = "compatible: 3DES and SHA-1, for Windows Server 2016, old macOS and Java",
     .fallback = "modern",
     .choices = kForms},
    {.name = "reload", .type = OptionType::command, .summary = "tells the server to read its files again"},
    {.name = "restart", .type = OptionType::command, .summary = "restarts the server, where it cannot reload"},
    {.name = "timeout",
     .type = OptionType::duration,
     .summary = "how long reload or restart may take",
     .fallback = "60s"},
    {.name = "user", .type = OptionType::user, .summary = "run reload or restart as this user"},
}};

constexpr std::array<base::Variable, 4> kFilesVariables{{
    {.name = "EVERSEAL_ACTION", .summary = "reload or restart, whichever is run"},
    {.name = "EVERSEAL_NAME", .summary = "the certificate, or the authority whose CRL and bundle are published"},
    {.name = "EVERSEAL_VERSION", .summary = "the version in place now"},
    {.name = "EVERSEAL_DIRECTORY", .summary = "the directory that the files are in"},
}};

struct File {
  Content content;
  std::string name;
  std::string owner;  // "": as created
  mode_t mode;
};

// "5", "5.1", "5.2": in the order they were staged.
struct Revision {
  std::int64_t number = 0;
  int again = 0;
  auto operator<=>(const Revision&) const = default;
};

std::string name_of(const Revision& revision) {
  return revision.again == 0 ? std::to_string(revision.number) : fmt::format("{}.{}", revision.number, revision.again);
}

template <class Number>
std::optional<Number> parse_decimal(std::string_view text, Number least) {
  const auto number = base::parse_number<Number>(text);
  if (!number || *number < least || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return number;
}

std::optional<Revision> parse_revision(std::string_view text) {
  const auto dot = text.find('.');
  const auto number = parse_decimal<std::int64_t>(text.substr(0, dot), 0);
  if (!number) return std::nullopt;
  if (dot == std::string_view::npos) return Revision{*number, 0};
  const auto again = parse_decimal<int>(text.substr(dot + 1), 1);
  if (!again) return std::nullopt;
  return Revision{*number, *again};
}

std::vector<Revision> revisions_in(const Directory& own) {
  std::vector<Revision> found;
  for (const std::string& entry : own.list())
    if (const auto revision = parse_revision(entry)) found.push_back(*revision);
  std::ranges::sort(found);
  return found;
}

std::optional<Revision> latest_of(const Directory& own, std::int64_t number) {
  std::optional<Revision> latest;
  for (const Revision& revision : revisions_in(own))
    if (revision.number == number) latest = revision;
  return latest;
}

mode_t usual_mode(Content content) { return holds_key(content) ? 0600 : 0644; }

std::vector<File> files_of(const base::Options& options, const Name& name) {
  const auto mode_of = [&](Content content) {
    return static_cast<mode_t>(options.mode("mode").value_or(usual_mode(content)));
  };
  std::vector<File> files;
  for (const base::Options& item : options.items("contents")) {
    const auto content = parse_content(item.string("content"));
    if (!content) continue;  // validation has complained of it
    files.push_back({.content = *content,
                     .name = item.has("file") ? item.string("file") : default_file_name(*content, name),
                     .owner = item.has("owner") ? item.string("owner") : options.string("owner"),
                     .mode = static_cast<mode_t>(item.mode("mode").value_or(mode_of(*content)))});
  }
  if (options.has("contents")) return files;
  for (const Content content : {Content::fullchain, Content::privkey})
    files.push_back({.content = content,
                     .name = default_file_name(content, name),
                     .owner = options.string("owner"),
                     .mode = mode_of(content)});
  return files;
}

std::string directory_of(const base::Options& options) {
  std::string path = std::filesystem::path(options.string("directory")).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name != base::kOwnDirectory &&
         name.size() <= kLongestFileName && name.find('/') == std::string_view::npos && base::printable(name) == name;
}

base::Ownership ownership_of(const File& file) {
  if (file.owner.empty()) return {.user = {}, .group = {}, .mode = file.mode};
  base::Ownership ownership = base::parse_ownership(file.owner, file.mode);
  if (ownership.user && *ownership.user != ::geteuid() && ::geteuid() != 0)
    throw Error(Fault::denied,
                fmt::format("cannot give {} to {}: only root can give files to another user", file.name, file.owner),
                "run as root, or take 'owner' out of the deployment");
  return ownership;
}

class FilesTarget final : public Target {
 public:
  FilesTarget(const base::Options& options, const Name& name)
      : name_(name),
        path_(directory_of(options)),
        files_(files_of(options, name)),
        pkcs12_{
            .password_file = options.string("p12_password_file"),
            .form = options.string("p12_form") == "compatible" ? pki::Pkcs12Form::compatible : pki::Pkcs12Form::modern},
        action_(options.has("restart") ? "restart" : "reload"),
        hook_(read_hook(options, action_)) {}

  void stage(const Artifact& artifact) override {
    const Directory directory = require_directory();
    require_adoptable(directory);
    const std::vector<base::Secret> material = render_all(artifact);
    const Directory own = directory.create_subdirectory(base::kOwnDirectory, kTraversable)
                              .create_subdirectory(name_.text(), kTraversable);
    const std::string temporary = fmt::format(".{}.tmp", artifact.number);
    own.remove_tree(temporary);
    Revision revision{artifact.number, 0};
    if (const auto latest = latest_of(own, artifact.number)) {
      if (holds(own.subdirectory(name_of(*latest)), material, artifact)) return own.sync();
      revision.again = latest->again + 1;
    }
    try {
      write(own.create_subdirectory(temporary, kTraversable), material);
      own.rename(temporary, name_of(revision));
    } catch (const Error&) {
      discard(own, temporary);
      throw;
    }
  }

  void switch_to(std::int64_t number, std::stop_token) override {
    const Directory directory = require_directory();
    const auto own = own_of(directory);
    const auto revision = own ? latest_of(*own, number) : std::nullopt;
    if (!revision)
      throw Error(Fault::not_found, fmt::format("version {} of {} is not staged in {}", number, name_, path_));
    require_adoptable(directory);
    if (own->read_link(kCurrent) != name_of(*revision)) own->switch_link(kCurrent, name_of(*revision));
    for (const File& file : files_) adopt(directory, file);
  }

  std::optional<std::int64_t> current() const override {
    const auto own = own_if_exists();
    const auto revision = own ? current_of(*own) : std::nullopt;
    if (!revision) return std::nullopt;
    return revision->number;
  }

  bool has(std::int64_t number) const override {
    const auto own = own_if_exists();
    return own && latest_of(*own, number).has_value();
  }

  std::optional<base::Exit> reload(std::stop_token stop) override {
    if (hook_.argv.empty()) return std::nullopt;
    Environment environment{
        {"EVERSEAL_ACTION", action_}, {"EVERSEAL_NAME", name_.text()}, {"EVERSEAL_DIRECTORY", path_}};
    if (const auto number = current()) environment.emplace_back("EVERSEAL_VERSION", std::to_string(*number));
    return run(hook_, std::move(environment), std::move(stop));
  }

  void prune(std::span<const std::int64_t> keep) override {
    const auto directory = open_trusted();
    const auto own = directory ? own_of(*directory) : std::nullopt;
    if (!own) return;
    std::set<std::string> kept{kCurrent};
    if (const auto served = own->read_link(kCurrent)) kept.insert(*served);
    for (const std::int64_t number : keep)
      if (const auto latest = latest_of(*own, number); latest && has_wanted_files(own->subdirectory(name_of(*latest))))
        kept.insert(name_of(*latest));
    for (const std::string& entry : own->list())
      if (!kept.contains(entry)) own->remove_tree(entry);
    for (const std::string& link : links_of_ours(*directory))
      if (std::ranges::find(files_, link, &File::name) == files_.end()) directory->remove(link);
  }

  bool remove() override {
    const auto directory = open_trusted();
    if (!directory)
      throw Error(Fault::not_found, fmt::format("{} is away, and what was put there with it", path_),
                  fmt::format("bring it back: mount it, or move it to its place again; where it is gone for good "
                              "`{}mkdir -p {}` says so, as nothing is found there then",
                              is_link() ? fmt::format("rm {} && ", base::shell_word(path_)) : std::string(),
                              base::shell_word(path_)));
    const std::vector<std::string> links = links_of_ours(*directory);
    for (const std::string& link : links) directory->remove(link);
    const auto everyones = directory->subdirectory_if_exists(base::kOwnDirectory);
    if (!everyones) return !links.empty();
    const bool was_there = everyones->subdirectory_if_exists(name_.text()).has_value();
    everyones->remove_tree(name_.text());
    if (!everyones->list().empty()) return was_there;  // another deployment's
    try {
      base::file_system().remove(directory->descriptor(), base::kOwnDirectory, AT_REMOVEDIR);
    } catch (const Error& error) {
      base::log::debug("left in place: {}", error.message());  // another deployment came in between
    }
    directory->sync();
    return was_there;
  }

  bool reads_back() const noexcept override { return true; }

  std::vector<std::string> paths() const override {
    std::vector<std::string> paths;
    for (const File& file : files_) paths.push_back(fmt::format("{}/{}", path_, file.name));
    return paths;
  }

  bool stands(std::int64_t number) const override {
    const auto directory = Directory::open_if_exists(path_);
    const auto own = directory ? own_of(*directory) : std::nullopt;
    const auto revision = own ? current_of(*own) : std::nullopt;
    return revision && revision->number == number &&
           std::ranges::all_of(files_, [&](const File& file) { return is_in_place(*directory, file); });
  }

  std::vector<Name> occupants() const override {
    std::set<Name> found;
    const auto directory = Directory::open_if_exists(path_);
    for (const File& file : files_)
      if (auto owner = directory ? owner_of(*directory, file) : std::nullopt; owner && *owner != name_)
        found.insert(*std::move(owner));
    return {found.begin(), found.end()};
  }

  std::vector<std::string> differences(const Artifact& artifact) const override {
    const auto directory = Directory::open_if_exists(path_);
    if (!directory) return {fmt::format("the directory {} is missing", path_)};
    const auto own = own_of(*directory);
    const auto revision = own ? current_of(*own) : std::nullopt;
    if (!revision) return {fmt::format("nothing of {} is in place in {}", name_, path_)};
    if (revision->number != artifact.number)
      return {fmt::format("{} holds version {}, not {}", path_, revision->number, artifact.number)};
    const Directory current = own->subdirectory(name_of(*revision));
    std::vector<std::string> found;
    for (const File& file : files_) {
      std::string what = difference(current, file, render(file.content, artifact, pkcs12_), artifact);
      if (what.empty() && directory->read_link(file.name) != link_target(file)) {
        const auto owner = owner_of(*directory, file);
        what = owner && *owner != name_    ? fmt::format("is that of {}", *owner)
               : directory->has(file.name) ? "was not made by Everseal"
                                           : "is missing";
      }
      if (!what.empty()) found.push_back(base::printable(fmt::format("{}/{} {}", path_, file.name, what)));
    }
    return found;
  }

 private:
  // For what changes something there. What only looks opens the directory as it is.
  std::optional<Directory> open_trusted() const {
    std::vector<base::Ownership> owners;
    for (const File& file : files_) owners.push_back(ownership_of(file));
    return base::open_trusted(path_, owners);
  }

  // It leads nowhere, where the directory is away.
  bool is_link() const {
    struct stat found {};
    return ::lstat(path_.c_str(), &found) == 0 && S_ISLNK(found.st_mode);
  }

  Directory require_directory() const {
    auto directory = open_trusted();
    if (!directory)
      throw Error(Fault::config, fmt::format("the directory {} does not exist", path_),
                  "create it first: it is not made, as its name may be a slip of the pen");
    return std::move(*directory);
  }

  std::optional<Directory> own_of(const Directory& directory) const {
    const auto everyones = directory.subdirectory_if_exists(base::kOwnDirectory);
    if (!everyones) return std::nullopt;
    return everyones->subdirectory_if_exists(name_.text());
  }

  std::optional<Directory> own_if_exists() const {
    const auto directory = Directory::open_if_exists(path_);
    if (!directory) return std::nullopt;
    return own_of(*directory);
  }

  static std::optional<Revision> current_of(const Directory& own) {
    const auto link = own.read_link(kCurrent);
    const auto revision = link ? parse_revision(*link) : std::nullopt;
    if (!revision || !own.subdirectory_if_exists(*link)) return std::nullopt;
    return revision;
  }

  std::string link_prefix() const { return fmt::format("{}/{}/{}/", base::kOwnDirectory, name_, kCurrent); }
  std::string link_target(const File& file) const { return link_prefix() + file.name; }

  // Whose link of Everseal's stands there; nullopt: none.
  static std::optional<Name> owner_of(const Directory& directory, const File& file) {
    const auto target = directory.read_link(file.name);
    const std::string below = fmt::format("{}/", base::kOwnDirectory);
    if (!target || !target->starts_with(below)) return std::nullopt;
    const std::string_view rest = std::string_view(*target).substr(below.size());
    const auto end = rest.find('/');
    if (!rest.substr(std::min(end, rest.size())).starts_with(fmt::format("/{}/", kCurrent))) return std::nullopt;
    return Name::is_valid(rest.substr(0, end)) ? std::optional(Name::parse(rest.substr(0, end))) : std::nullopt;
  }

  std::vector<std::string> links_of_ours(const Directory& directory) const {
    std::vector<std::string> links;
    for (const std::string& entry : directory.list()) {
      const auto target = directory.read_link(entry);
      if (target && target->starts_with(link_prefix())) links.push_back(entry);
    }
    return links;
  }

  bool is_in_place(const Directory& directory, const File& file) const {
    if (directory.read_link(file.name) != link_target(file)) return false;
    struct stat status {};
    if (::fstatat(directory.descriptor(), file.name.c_str(), &status, 0) == 0) return S_ISREG(status.st_mode);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return false;
    throw base::errno_error("look at", fmt::format("{}/{}", path_, file.name));
  }

  // True where something that Everseal did not put there has that name.
  static bool is_foreign(const Directory& directory, const std::string& name) {
    if (!directory.has(name)) return false;
    const auto link = directory.read_link(name);
    return !link || !link->starts_with(fmt::format("{}/", base::kOwnDirectory));
  }

  // Before anything is switched: what cannot be put aside later would leave half of the files switched.
  void require_adoptable(const Directory& directory) const {
    struct stat here {};
    struct stat there {};
    for (const File& file : files_)
      if (directory.has_directory(file.name) && ::fstat(directory.descriptor(), &here) == 0 &&
          ::fstatat(directory.descriptor(), file.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
          here.st_dev != there.st_dev)
        throw Error(Fault::config, fmt::format("{}/{} is a mount point", path_, file.name),
                    "unmount it, or give the file another name in 'contents'");
  }

  void adopt(const Directory& directory, const File& file) const {
    keep_former_aside(directory, file);
    if (directory.read_link(file.name) == link_target(file)) return;
    if (is_foreign(directory, file.name))
      exchange_for_link(directory, file);
    else
      directory.switch_link(file.name, link_target(file));
  }

  // The server finds the file at every moment: before, behind and between.
  void exchange_for_link(const Directory& directory, const File& file) const {
    const Directory before = keeping_place(directory);
    const std::string kept = free_name(before, file);
    before.switch_link(kept, link_target(file));
    try {
      directory.exchange(file.name, before, kept);
    } catch (const Error& error) {
      before.remove(kept);
      if (error.fault() != Fault::invalid) throw;
      // A file system that cannot exchange two names, as NFS: there is a moment without the file.
      base::file_system().rename(directory.descriptor(), file.name, before.descriptor(), kept);
      before.sync();
      directory.switch_link(file.name, link_target(file));
    }
    base::log::info("kept what was {}/{} as {}", path_, file.name, shown_kept(kept));
  }

  // What an earlier Everseal left beside the file, where a server that loads the whole directory would read it.
  void keep_former_aside(const Directory& directory, const File& file) const {
    const std::string former = file.name + std::string(kFormerlyAside);
    if (!directory.has(former) || directory.has_directory(former)) return;
    const Directory before = keeping_place(directory);
    const std::string kept = free_name(before, file);
    base::file_system().rename(directory.descriptor(), former, before.descriptor(), kept);
    before.sync();
    directory.sync();
    base::log::info("moved {}/{} to {}", path_, former, shown_kept(kept));
  }

  // Private keys may lie there, under the modes that they had.
  static Directory keeping_place(const Directory& directory) {
    return directory.create_subdirectory(base::kOwnDirectory, kTraversable).create_subdirectory(kBefore, 0700);
  }

  // "FILE", "FILE.2", ...: nothing that is kept is ever overwritten. A link of ours was left by a run that ended early.
  static std::string free_name(const Directory& before, const File& file) {
    std::string name = file.name;
    for (int n = 2; is_foreign(before, name); ++n) name = fmt::format("{}.{}", file.name, n);
    return name;
  }

  std::string shown_kept(const std::string& name) const {
    return fmt::format("{}/{}/{}/{}", path_, base::kOwnDirectory, kBefore, name);
  }

  std::vector<base::Secret> render_all(const Artifact& artifact) const {
    std::vector<base::Secret> material;
    for (const File& file : files_) material.push_back(render(file.content, artifact, pkcs12_));
    return material;
  }

  // Not one of contents that changed since: what left them is not kept, and nobody can go back to it.
  bool has_wanted_files(const Directory& revision) const {
    const std::vector<std::string> names = revision.list();
    return names.size() == files_.size() && std::ranges::all_of(files_, [&](const File& file) {
             return std::ranges::find(names, file.name) != names.end();
           });
  }

  bool holds(const Directory& revision, const std::vector<base::Secret>& material, const Artifact& artifact) const {
    if (revision.list().size() != files_.size()) return false;
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (!difference(revision, files_[i], material[i], artifact).empty()) return false;
    return true;
  }

  // How `file` of that revision differs from what it should be, or "".
  std::string difference(const Directory& revision, const File& file, const base::Secret& wanted,
                         const Artifact& artifact) const {
    struct stat status {};
    if (::fstatat(revision.descriptor(), file.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return "is missing";
    const base::Ownership ownership = ownership_of(file);
    if (!S_ISREG(status.st_mode)) return "is no regular file";
    if ((status.st_mode & 07777) != ownership.mode)
      return fmt::format("has the mode {:04o}, not {:04o}", status.st_mode & 07777, ownership.mode);
    if (status.st_uid != ownership.user.value_or(::geteuid()) || (ownership.group && status.st_gid != *ownership.group))
      return "belongs to another user or group";
    const auto present = revision.read_secret(file.name, kLimit);
    if (!present || !says_the_same(file.content, present->reveal(), wanted, artifact, pkcs12_))
      return "does not hold what was deployed";
    return {};
  }

  void write(const Directory& growing, const std::vector<base::Secret>& material) const {
    std::vector<base::NewFile> all;
    for (std::size_t i = 0; i < files_.size(); ++i)
      all.push_back({files_[i].name, material[i].reveal(), ownership_of(files_[i])});
    growing.write_new(all);
  }

  static void discard(const Directory& own, const std::string& temporary) {
    try {
      own.remove_tree(temporary);
    } catch (const Error& error) {
      base::log::debug("left in place until the next run: {}", error.message());
    }
  }

  Name name_;
  std::string path_;
  std::vector<File> files_;
  Pkcs12Options pkcs12_;
  std::string action_;
  Hook hook_;
};

void check_file(const File& file, bool has_password, std::vector<std::string>& problems) {
  const std::string shown = base::printable(file.name);
  if (!is_file_name(file.name))
    problems.push_back(fmt::format("'{}' is not a file name: one component of at most {} octets, without a slash",
                                   shown, kLongestFileName));
  if ((file.mode & 07000) != 0)
    problems.push_back(fmt::format("mode {:04o} of '{}': set-id and sticky bits make no sense here", file.mode, shown));
  else if (holds_key(file.content) && (file.mode & 0007) != 0)
    problems.push_back(
        fmt::format("mode {:04o} of '{}' gives its private key to every user of the host", file.mode, shown));
  if (file.content == Content::p12 && !has_password)
    problems.push_back(fmt::format("'{}' needs p12_password_file", shown));
}

std::vector<std::string> check(const base::Options& options, const Name& owner, std::vector<std::string>& claims) {
  std::vector<std::string> problems;
  const std::string directory = directory_of(options);
  if (!directory.starts_with('/')) problems.push_back("the directory must be an absolute path");
  const std::vector<File> files = files_of(options, owner);
  if (files.empty()) problems.push_back("'contents' names no file");
  std::set<std::string> seen;
  for (const File& file : files) {
    check_file(file, options.has("p12_password_file"), problems);
    if (!seen.insert(file.name).second)
      problems.push_back(fmt::format("two contents have the file name '{}'", base::printable(file.name)));
    claims.push_back(fmt::format("{}/{}", directory, file.name));
  }
  claims.push_back(fmt::format("{}/{}/{}", directory, base::kOwnDirectory, owner));
  if (options.has("reload") && options.has("restart"))
    problems.push_back("there are both reload and restart; one of them is run");
  return problems;
}

std::unique_ptr<Target> open_files(const base::Options& options, const Name& owner) {
  return std::make_unique<FilesTarget>(options, owner);
}

}  // namespace

extern const Kind files_kind;
const Kind files_kind{
    .name = "files",
    .summary = "files for a server on this host, all switched at once, then a reload",
    .options = kFilesOptions,
    .check = check,
    .open = open_files,
    .variables = kFilesVariables,
};

}  // namespace everseal::deploy
