#include "config/fragment.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Error;
using base::Fault;

std::string path_of(const Files& files, const Name& name) { return files.fragments + '/' + name.text() + ".toml"; }

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

// Puts `text` there, beside `others`, where all of them together are a good config.
void install(const Files& files, std::vector<Source> others, const std::string& path, const std::string& text,
             const Kinds& kinds, std::string_view family, const Name& name) {
  others.push_back({path, text});
  static_cast<void>(parse_or_throw(others, kinds));
  try {
    base::Directory::create(files.fragments, 0755);
    base::write_file(path, base::as_bytes(text), {.mode = 0644});
  } catch (const Error& error) {
    explain(error, "keep", family, name, "in the config");
  }
}

}  // namespace

std::string to_toml(const Certificate& certificate) {
  const base::Table table = to_table(certificate);
  std::string header = "certificate.";
  append_toml_key(header, certificate.name.text());
  std::string out = fmt::format("[{}]\n", header);
  append_options(out, table);
  const base::Value* const deploy = base::find(table, "deploy");
  if (deploy == nullptr) return out;
  for (const auto& [name, value] : std::get<base::Table>(deploy->data)) {
    out += fmt::format("\n[{}.deploy.", header);
    append_toml_key(out, name);
    out += "]\n";
    append_options(out, std::get<base::Table>(value.data));
  }
  return out;
}

std::optional<base::Origin> where(const Files& files, const Name& name) {
  for (const Source& source : read(files))
    if (auto found = look_in(source, name).origin) return found;
  return std::nullopt;
}

void write_fragment(const Files& files, const Certificate& certificate, const Kinds& kinds) {
  const Name& name = certificate.name;
  const std::string path = path_of(files, name);
  std::vector<Source> sources = read(files);
  for (const Source& source : sources) {
    const Found found = look_in(source, name);
    if (source.path == path && !found.alone)
      throw Error(Fault::exists, fmt::format("{} holds something else than certificate {} alone", path, name),
                  "rename that file, or choose another name with --as");
    if (source.path != path && found.origin)
      throw Error(Fault::exists, fmt::format("certificate {} is defined at {}", name, base::to_string(*found.origin)),
                  "change it there, or choose another name with --as");
  }
  const std::string text =
      "# Written by Everseal: the certificate is kept alive as long as this stands. Edit it as you like.\n" +
      to_toml(certificate);
  std::erase_if(sources, [&](const Source& source) { return source.path == path; });
  install(files, std::move(sources), path, text, kinds, "certificate", name);
}

void write_fragment(const Files& files, const Fragment& fragment, const Kinds& kinds) {
  const std::string path = fmt::format("{}/{}.{}.toml", files.fragments, fragment.family, fragment.name);
  std::vector<Source> sources = read(files);
  if (std::ranges::find(sources, path, &Source::path) != sources.end())
    throw Error(Fault::exists, fmt::format("there is a file {} already", path), "rename it");
  std::string text = fmt::format("# Written by `everseal import`. Edit it as you like.\n[{}.", fragment.family);
  append_toml_key(text, fragment.name.text());
  text += "]\n";
  append_options(text, fragment.options);
  install(files, std::move(sources), path, text, kinds, fragment.family, fragment.name);
}

bool remove_fragment(const Files& files, const Name& name) {
  const std::string path = path_of(files, name);
  for (const Source& source : read(files)) {
    const Found found = look_in(source, name);
    if (!found.origin) continue;
    if (source.path != path || !found.alone) return false;
    try {
      base::Directory::open(files.fragments).remove(name.text() + ".toml");
      base::Directory::open(files.fragments).sync();
    } catch (const Error& error) {
      explain(error, "remove", "certificate", name, "from the config");
    }
    return true;
  }
  return false;
}

}  // namespace everseal::config
