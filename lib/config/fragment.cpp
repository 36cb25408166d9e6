#include "config/fragment.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <optional>
#include <span>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kCertificate = "certificate";

std::string file_of(const Fragment& fragment) {
  return fragment.family == kCertificate ? fragment.name.text() + ".toml"
                                         : fmt::format("{}.{}.toml", fragment.family, fragment.name);
}

std::string path_of(const Files& files, const Fragment& fragment) {
  return fmt::format("{}/{}", files.fragments, file_of(fragment));
}

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
              !error.hint().empty() ? error.hint()
                                    : fmt::format("run it as a user who may write there, or change [{}] by hand",
                                                  base::printable(dotted(family, name.text()))));
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

Source source_of(const Files& files, const Fragment& fragment) {
  const char* const comment =
      fragment.family == kCertificate
          ? "# Written by Everseal: the certificate is kept alive as long as this stands. Edit it as you like.\n"
          : "# Written by `everseal import`. Edit it as you like.\n";
  return {path_of(files, fragment), comment + to_toml(fragment)};
}

void put(const Files& files, const Fragment& fragment, const std::string& text) {
  try {
    const auto directory = base::Directory::create(files.fragments, 0755);
    directory.replace(file_of(fragment), base::as_bytes(text), {.mode = 0644});
  } catch (const Error& error) {
    explain(error, "keep", fragment.family, fragment.name, "in the config");
  }
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

}  // namespace

Fragment fragment_of(const Certificate& certificate) {
  return {std::string(kCertificate), certificate.name, to_table(certificate)};
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
  std::vector<Source> sources = config::read(files_);
  const std::size_t present = sources.size();
  for (const Fragment& fragment : fragments_) sources.push_back(source_of(files_, fragment));
  static_cast<void>(parse_or_throw(sources, kinds_));
  std::size_t begun = 0;
  try {
    for (const Fragment& fragment : fragments_) put(files_, fragment, sources[present + begun++].text);
  } catch (const Error&) {
    take_back(files_, std::span(fragments_).first(begun));
    throw;
  }
}

void write_fragment(const Files& files, const Certificate& certificate, const Kinds& kinds) {
  const Name& name = certificate.name;
  const Fragment fragment = fragment_of(certificate);
  Source wanted = source_of(files, fragment);
  std::vector<Source> sources = read(files);
  for (const Source& source : sources) {
    const Found found = look_in(source, name);
    if (source.path == wanted.path && !found.alone)
      throw Error(Fault::exists, fmt::format("{} holds something else than certificate {} alone", wanted.path, name),
                  "rename that file, or choose another name with --as");
    if (source.path != wanted.path && found.origin)
      throw Error(Fault::exists, fmt::format("certificate {} is defined at {}", name, base::to_string(*found.origin)),
                  "change it there, or choose another name with --as");
  }
  std::erase_if(sources, [&](const Source& source) { return source.path == wanted.path; });
  sources.push_back(std::move(wanted));
  static_cast<void>(parse_or_throw(sources, kinds));
  put(files, fragment, sources.back().text);
}

bool remove_fragment(const Files& files, const Name& name) {
  const Fragment fragment{std::string(kCertificate), name, {}};
  for (const Source& source : read(files)) {
    const Found found = look_in(source, name);
    if (!found.origin) continue;
    if (source.path != path_of(files, fragment) || !found.alone) return false;
    try {
      base::Directory::open(files.fragments).remove(file_of(fragment));
    } catch (const Error& error) {
      explain(error, "remove", "certificate", name, "from the config");
    }
    return true;
  }
  return false;
}

}  // namespace everseal::config
