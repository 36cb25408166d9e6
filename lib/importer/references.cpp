#include "importer/references.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <unordered_set>
#include <utility>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 100'000;
constexpr std::pair<std::string_view, ServerKind> kServerFolders[] = {{"/etc/nginx", ServerKind::nginx},
                                                                      {"/etc/apache2", ServerKind::apache},
                                                                      {"/etc/httpd", ServerKind::apache},
                                                                      {"/etc/haproxy", ServerKind::haproxy}};

// Finds paths in lines, whatever their number.
class Paths {
 public:
  explicit Paths(const std::vector<std::string>& paths) {
    for (std::string_view path : paths) {
      while (path.ends_with('/')) path.remove_suffix(1);
      if (!path.starts_with('/')) continue;
      longest_ = std::max(longest_, path.size());
      paths_.insert(path);
    }
  }

  // Where one of them, or what is below it, is named, that whole. "/etc/le" is neither in "/etc/le2" nor in
  // "/mnt/etc/le".
  std::vector<std::string> named_in(std::string_view line) const {
    std::vector<std::string> found;
    for (std::size_t begin = line.find('/'); begin != std::string_view::npos; begin = line.find('/', begin + 1)) {
      if (begin > 0 && (is_part(line[begin - 1]) || line[begin - 1] == '/')) continue;
      const std::size_t last = std::min(line.size(), begin + longest_);
      for (std::size_t end = begin + 1; end <= last; ++end)
        if ((end == line.size() || !is_part(line[end])) && paths_.contains(line.substr(begin, end - begin))) {
          while (end < line.size() && (is_part(line[end]) || line[end] == '/')) ++end;
          found.emplace_back(line.substr(begin, end - begin));
          break;
        }
    }
    return found;
  }

 private:
  static bool is_part(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || static_cast<unsigned char>(c) >= 0x80;
  }

  std::unordered_set<std::string_view> paths_;  // of the caller
  std::size_t longest_ = 0;
};

// Of all regular files below `folder`, what links lead to.
void add_files(const HostFiles& host, std::string_view folder, ServerKind server,
               std::map<std::string, ServerKind>& files) {
  const std::string top = host.here(folder);
  std::error_code error;
  for (fs::recursive_directory_iterator at(top, fs::directory_options::skip_permission_denied, error), end;
       !error && at != end && files.size() < kMostFiles; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) continue;
    const std::string path = host.followed(std::string(folder) + at->path().string().substr(top.size()));
    if (fs::is_regular_file(host.here(path), ignored)) files.emplace(path, server);
  }
}

}  // namespace

std::vector<Reference> references(const std::string& root, const std::vector<std::string>& paths) {
  const HostFiles host(root);
  const Paths meant(paths);
  std::map<std::string, ServerKind> files;
  for (const auto& [folder, server] : kServerFolders) add_files(host, folder, server, files);
  std::vector<Reference> found;
  for (const auto& [file, server] : files) {
    std::vector<std::vector<std::string>> named;
    const auto is_meant = [&](std::string_view line) {
      std::vector<std::string> here = meant.named_in(line);
      if (here.empty()) return false;
      named.push_back(std::move(here));
      return true;
    };
    std::vector<Trace> traces = host.lines(file, is_meant);
    if (traces.empty()) continue;
    const Listeners listeners(server, host.read(file));
    for (std::size_t i = 0; i < traces.size(); ++i) {
      const int line = traces[i].line;
      found.push_back({std::move(traces[i]), server, std::move(named[i]), listeners.at(line)});
    }
  }
  return found;
}

}  // namespace everseal::importer
