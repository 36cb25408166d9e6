#include "importer/host_files.h"

#include "base/error.h"
#include "base/text.h"
#include "importer/foreign_files.h"

#include <filesystem>
#include <ranges>

namespace everseal::importer {

namespace fs = std::filesystem;

HostFiles::HostFiles(std::string root) : root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
}

std::string HostFiles::followed(std::string path) const {
  constexpr int kMostLinks = 40;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    const fs::path target = fs::read_symlink(here(path), error);
    if (error) return path;  // no link
    path = (fs::path(path).parent_path() / target).lexically_normal().string();
  }
  return {};
}

bool HostFiles::has(const std::string& path) const {
  std::error_code error;
  return fs::exists(fs::symlink_status(here(path), error));
}

bool HostFiles::has_directory(const std::string& path) const { return is_directory(here(followed(path))); }

bool HostFiles::is_executable(const std::string& path) const {
  constexpr fs::perms kAny = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  std::error_code error;
  const fs::file_status status = fs::status(here(followed(path)), error);
  return fs::is_regular_file(status) && (status.permissions() & kAny) != fs::perms::none;
}

std::string HostFiles::read(const std::string& path) const {
  try {
    return std::string(read_anywhere(here(followed(path))).reveal_text());
  } catch (const base::Error&) {
    return {};
  }
}

std::vector<std::string> HostFiles::names(const std::string& directory) const {
  try {
    return names_in(here(followed(directory)));
  } catch (const base::Error&) {
    return {};
  }
}

std::vector<Trace> HostFiles::lines(const std::string& path,
                                    const std::function<bool(std::string_view)>& is_meant) const {
  std::vector<Trace> found;
  const std::string text = read(path);
  int number = 0;
  for (const auto whole : std::views::split(text, '\n')) {
    ++number;
    const std::string_view line = base::trim(std::string_view(whole.begin(), whole.end()));
    if (!line.starts_with('#') && is_meant(line)) found.push_back({here(path), number, shown(line)});
  }
  return found;
}

}  // namespace everseal::importer
