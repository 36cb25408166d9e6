#include "discover/host_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <filesystem>
#include <optional>
#include <ranges>

#include <fmt/format.h>
#include <fnmatch.h>

namespace everseal::discover {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLargest = 1 << 20;
constexpr std::size_t kLongestText = 400;
constexpr std::size_t kMostMatches = 10'000;

bool is_pattern(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

}  // namespace

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

bool HostFiles::has_file(const std::string& path) const {
  std::error_code error;
  return fs::is_regular_file(here(followed(path)), error);
}

bool HostFiles::has_directory(const std::string& path) const {
  std::error_code error;
  return fs::is_directory(here(followed(path)), error);
}

bool HostFiles::is_executable(const std::string& path) const {
  constexpr fs::perms kAny = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  std::error_code error;
  const fs::file_status status = fs::status(here(followed(path)), error);
  return fs::is_regular_file(status) && (status.permissions() & kAny) != fs::perms::none;
}

std::string HostFiles::load(const std::string& path) const {
  return std::string(base::read_regular_file(here(followed(path)), kLargest).reveal_text());
}

std::string HostFiles::read(const std::string& path) const {
  try {
    return load(path);
  } catch (const base::Error&) {
    return {};
  }
}

std::vector<std::string> HostFiles::names(const std::string& directory, const Refused& refused) const {
  try {
    const std::string target = followed(directory);
    if (target.empty()) throw base::Error(base::Fault::io, fmt::format("{} is a link to itself", shown(directory)));
    const auto open = base::Directory::open_if_exists(here(target));
    std::vector<std::string> names = open ? open->list() : std::vector<std::string>();
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    return names;
  } catch (const base::Error& error) {
    if (refused) refused(error.message());
    return {};
  }
}

std::vector<std::string> HostFiles::matching(const std::string& pattern, const Refused& refused) const {
  std::vector<std::string> found{""};
  for (const std::string& part : base::split(pattern, '/')) {
    if (part.empty()) continue;
    std::vector<std::string> next;
    for (const std::string& folder : found) {
      if (!is_pattern(part)) {
        next.push_back(folder + "/" + part);
        continue;
      }
      for (const std::string& name : names(folder.empty() ? "/" : folder, refused))
        if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) == 0 && next.size() < kMostMatches)
          next.push_back(folder + "/" + name);
    }
    found = std::move(next);
  }
  std::erase_if(found, [&](const std::string& path) { return path.empty() || !has(path); });
  return found;
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

std::string shown(std::string_view text) {
  return base::printable(text.substr(0, kLongestText)) + (text.size() > kLongestText ? "..." : "");
}

}  // namespace everseal::discover
