#include "config/fragment.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "config/change.h"
#include "config/fragment_file.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <span>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::config {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kCertificateFamily = "certificate";
constexpr std::string_view kFoundFamily = "found";

// The certificate's table in one file; a file that does not parse defines nothing.
struct Found {
  std::optional<base::Origin> origin;
  bool alone = true;  // nothing else stands in the file
};
Found look_in(const Source& source, const Name& name) {
  // Parsing ten thousand files for one name takes a while; only a text with escapes can hide it.
  if (source.text.find(name.text()) == std::string::npos && source.text.find('\\') == std::string::npos)
    return {{}, false};
  base::Problems ignored;
  const auto root = read_toml(source, ignored);
  if (!root) return {{}, false};
  const base::Value* const section = base::find(*root, "certificate");
  const auto* const certificates = section == nullptr ? nullptr : std::get_if<base::Table>(&section->data);
  const base::Value* const found = certificates == nullptr ? nullptr : base::find(*certificates, name.text());
  if (found == nullptr) return {{}, false};
  return {found->origin, root->size() == 1 && certificates->size() == 1};
}

void append_options(std::string& out, const base::Table& table) {
  for (const auto& [key, value] : table) {
    if (std::holds_alternative<base::Table>(value.data)) continue;
    append_toml_key(out, key);
    out += " = ";
    append_toml_value(out, value);
    out += '\n';
  }
}

// `doing` and what it is done to: "keep", "certificate", "www", "in the config".
[[noreturn]] void explain(const Error& error, std::string_view doing, std::string_view family, const Name& name,
                          std::string_view where) {
  throw Error(Fault::io, fmt::format("{} {} {} {}: {}", doing, family, name, where, error.message()),
              !error.hint().empty()    ? error.hint()
              : family == kFoundFamily ? std::string("run it as a user who may write there")
                                       : fmt::format("run it as a user who may write there, or change [{}] by hand",
                                                     base::printable(dotted(family, name.text()))));
}

Source source_of(const Files& files, const Fragment& fragment) {
  const char* const comment =
      fragment.family == kCertificateFamily
          ? "# Written by Everseal: the certificate is kept alive as long as this stands. Edit it as you like.\n"
          : "# Written by `everseal import`. Edit it as you like.\n";
  return {path_of(files, fragment), comment + to_toml(fragment) + commented(fragment.proposal)};
}

// Mode and owner of the file that is replaced, as somebody may have changed them.
base::Ownership ownership_of(const base::Directory& directory, const std::string& file) {
  struct stat status {};
  if (::fstatat(directory.descriptor(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
    return {.user = {}, .group = {}, .mode = 0644};
  const bool root = ::geteuid() == 0;
  return {.user = root ? std::optional(status.st_uid) : std::nullopt,
          .group = root ? std::optional(status.st_gid) : std::nullopt,
          .mode = status.st_mode & 07777};
}

// Backwards, as a fragment may refer to those before it.
void take_back(const Files& files, std::span<const Fragment> fragments) noexcept {
  try {
    const auto directory = base::Directory::open(files.fragments);
    for (; !fragments.empty(); fragments = fragments.first(fragments.size() - 1))
      directory.remove(file_of(fragments.back()));
  } catch (const Error&) {
    // The error that led here is the one to report.
  }
}

// What one file says of its certificate; nullopt where that is wrong by itself.
std::optional<Certificate> understood(const Source& source, const Name& name, const Kinds& kinds,
                                      base::Problems& problems) {
  const Config config = parse({source}, kinds, problems, References::elsewhere);
  const auto found = config.certificates.find(name);
  return problems.empty() && found != config.certificates.end() ? std::optional(found->second) : std::nullopt;
}

// `text` with the options changed, read back to prove that they are, and that nothing else is.
std::string edit(const std::string& path, const std::string& text, const Certificate& before, const Certificate& after,
                 const base::Table& options, const Kinds& kinds) {
  if (auto made = edited(text, before, after, options)) {
    base::Problems problems;
    const auto read_back = understood({path, *made}, before.name, kinds, problems);
    if (read_back && normal_form(*read_back) == normal_form(after)) return *std::move(made);
  }
  std::string wanted;
  for (const std::string& difference : differences(before, after))
    wanted += fmt::format("{}{}", wanted.empty() ? "" : "; ", difference);
  throw Error(Fault::exists,
              fmt::format("{} is written in a form that cannot be changed without touching the rest", path),
              fmt::format("change there by hand: {}; or write it anew with --replace", wanted));
}

}  // namespace

std::string file_of(const Fragment& fragment) {
  return fragment.family == kCertificateFamily ? fragment.name.text() + ".toml"
                                               : fmt::format("{}@{}.toml", fragment.family, fragment.name);
}

std::string path_of(const Files& files, const Fragment& fragment) {
  return fmt::format("{}/{}", files.fragments, file_of(fragment));
}

std::string fragment_path(const std::string& directory, const Name& certificate) {
  return fmt::format("{}/{}", directory, file_of({std::string(kCertificateFamily), certificate, {}}));
}

std::string to_toml(const Fragment& fragment) {
  std::string header = fragment.family + '.';
  append_toml_key(header, fragment.name.text());
  std::string out = fmt::format("[{}]\n", header);
  append_options(out, fragment.options);
  const base::Value* const deploy = base::find(fragment.options, "deploy");
  if (deploy == nullptr) return out;
  for (const auto& [name, value] : std::get<base::Table>(deploy->data)) {
    out += fmt::format("\n[{}.deploy.", header);
    append_toml_key(out, name);
    out += "]\n";
    append_options(out, std::get<base::Table>(value.data));
  }
  return out;
}

std::string commented(std::string_view lines) {
  std::string out;
  for (const auto line : std::views::split(lines, '\n'))
    if (!line.empty()) out += fmt::format("#{}\n", std::string_view(line.begin(), line.end()));
  return out.empty() ? out : "\n" + out;
}

void put(const Files& files, const Fragment& fragment, const std::string& before, const std::string& text) {
  try {
    const auto directory = base::Directory::create(files.fragments, 0755);
    const std::string file = file_of(fragment);
    const base::Ownership ownership = ownership_of(directory, file);
    if (!before.empty()) directory.replace(file + ".bak", base::as_bytes(before), ownership);
    directory.replace(file, base::as_bytes(text), ownership);
  } catch (const Error& error) {
    explain(error, "keep", fragment.family, fragment.name, "in the config");
  }
}

void require_no_new_problem(const Sources& present, const std::vector<Source>& wanted, const Kinds& kinds) {
  base::Problems before, after;
  static_cast<void>(parse(present.files, kinds, before));
  const bool all_is_read = before.empty() || present.unread.empty();
  static_cast<void>(parse(wanted, kinds, after, all_is_read ? References::checked : References::elsewhere));
  std::erase_if(after, [&](const base::Problem& problem) {
    return std::ranges::any_of(before, [&](const base::Problem& known) {
      return known.origin.file == problem.origin.file && known.key == problem.key && known.message == problem.message;
    });
  });
  if (after.empty()) return;
  std::string message = "the config would be wrong with it:";
  for (const base::Problem& problem : after) message += "\n  " + base::to_string(problem);
  throw Error(Fault::config, std::move(message), "nothing was written");
}

Fragment fragment_of(const Certificate& certificate) {
  return {std::string(kCertificateFamily), certificate.name, to_table(certificate)};
}

std::string to_toml(const Certificate& certificate) { return to_toml(fragment_of(certificate)); }

bool Draft::is_free(const Fragment& fragment) const {
  const std::string file = file_of(fragment);
  if (names_.contains(file)) return false;
  const auto directory = base::Directory::open_if_exists(files_.fragments);
  return !directory || !directory->has(file);
}

void Draft::require_free(const Fragment& fragment) const {
  if (!is_free(fragment))
    throw Error(Fault::exists, fmt::format("there is a file {} already", path_of(files_, fragment)), "rename it");
}

Config Draft::read(const Fragment& fragment) const {
  require_free(fragment);
  return parse_or_throw({source_of(files_, fragment)}, kinds_, References::elsewhere);
}

void Draft::add(Fragment fragment) {
  require_free(fragment);
  names_.insert(file_of(fragment));
  fragments_.push_back(std::move(fragment));
}

void Draft::write() const {
  const Sources present = read_each(files_);
  std::vector<Source> sources = present.files;
  for (const Fragment& fragment : fragments_) sources.push_back(source_of(files_, fragment));
  require_no_new_problem(present, sources, kinds_);
  std::size_t begun = 0;
  try {
    for (const Fragment& fragment : fragments_) put(files_, fragment, {}, sources[present.files.size() + begun++].text);
  } catch (const Error&) {
    take_back(files_, std::span(fragments_).first(begun));
    throw;
  }
}

Change plan_change(const Files& files, const Settings& settings, const Name& name, const base::Table& options,
                   Existing existing, const Kinds& kinds) {
  const std::string path = path_of(files, {std::string(kCertificateFamily), name, {}});
  const Sources present = read_each(files);
  std::vector<Source> sources = present.files;
  Change change;
  std::optional<Certificate> standing;
  for (const Source& source : sources) {
    const Found found = look_in(source, name);
    if (source.path != path) {
      if (found.origin)
        throw Error(Fault::exists, fmt::format("certificate {} is defined at {}", name, base::to_string(*found.origin)),
                    "change it there, or choose another name with --as");
      continue;
    }
    base::Problems unread;
    if (!found.origin && !read_toml(source, unread) && !unread.empty())
      throw Error(Fault::config, base::to_string(unread.front()),
                  "mend it, or rename that file; or choose another name with --as");
    if (!found.origin || (existing == Existing::replaced && !found.alone))
      throw Error(Fault::exists, fmt::format("{} holds something else than certificate {} alone", path, name),
                  "rename that file, or choose another name with --as");
    change.before = source.text;
    base::Problems problems;
    standing = understood(source, name, kinds, problems);
    if (!standing && existing == Existing::changed)
      throw Error(Fault::config, base::to_string(problems.front()),
                  "mend it, so that it can be changed; or write it anew with --replace");
  }
  const bool is_changed = standing && existing == Existing::changed;
  change.certificate = make_certificate(name, is_changed ? changed(*standing, options) : options, settings, kinds);
  if (standing) change.differences = differences(*standing, change.certificate);
  if (!is_changed) {
    change.after = source_of(files, fragment_of(change.certificate)).text;
  } else if (change.differences.empty()) {
    change.after = change.before;
    return change;
  } else {
    change.after = edit(path, change.before, *standing, change.certificate, options, kinds);
  }
  std::erase_if(sources, [&](const Source& source) { return source.path == path; });
  sources.push_back({path, change.after});
  require_no_new_problem(present, sources, kinds);
  return change;
}

void write_change(const Files& files, const Change& change) {
  if (change.after == change.before) return;
  put(files, {std::string(kCertificateFamily), change.certificate.name, {}}, change.before, change.after);
}

DefinedIn where_defined(const Files& files, const Name& name) {
  const std::string path = path_of(files, {std::string(kCertificateFamily), name, {}});
  for (const Source& source : read_each(files).files)
    if (const Found found = look_in(source, name); found.origin)
      return source.path == path && found.alone ? DefinedIn::fragment : DefinedIn::another_file;
  return DefinedIn::nothing;
}

void remove_fragment(const Files& files, const Name& name) {
  try {
    if (const auto directory = base::Directory::open_if_exists(files.fragments))
      directory->remove(file_of({std::string(kCertificateFamily), name, {}}));
  } catch (const Error& error) {
    explain(error, "remove", "certificate", name, "from the config");
  }
}

}  // namespace everseal::config
