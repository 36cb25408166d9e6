#include "importer/references.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_set>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 100'000;
constexpr std::string_view kServerFolders[] = {"/etc/nginx", "/etc/apache2", "/etc/httpd", "/etc/haproxy"};

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

  // Is one of them, or what is below it, named? "/etc/le" is neither in "/etc/le2" nor in "/mnt/etc/le".
  bool are_in(std::string_view line) const {
    for (std::size_t begin = line.find('/'); begin != std::string_view::npos; begin = line.find('/', begin + 1)) {
      if (begin > 0 && (is_part(line[begin - 1]) || line[begin - 1] == '/')) continue;
      const std::size_t last = std::min(line.size(), begin + longest_);
      for (std::size_t end = begin + 1; end <= last; ++end)
        if ((end == line.size() || !is_part(line[end])) && paths_.contains(line.substr(begin, end - begin)))
          return true;
    }
    return false;
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
void add_files(const HostFiles& host, std::string_view folder, std::set<std::string>& files) {
  const std::string top = host.here(folder);
  std::error_code error;
  for (fs::recursive_directory_iterator at(top, fs::directory_options::skip_permission_denied, error), end;
       !error && at != end && files.size() < kMostFiles; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) continue;
    const std::string path = host.followed(std::string(folder) + at->path().string().substr(top.size()));
    if (fs::is_regular_file(host.here(path), ignored)) files.insert(path);
  }
}

}  // namespace

std::vector<Trace> references(const std::string& root, const std::vector<std::string>& paths) {
  const HostFiles host(root);
  const Paths meant(paths);
  std::set<std::string> files;
  for (const std::string_view folder : kServerFolders) add_files(host, folder, files);
  std::vector<Trace> traces;
  for (const std::string& file : files)
    std::ranges::move(host.lines(file, [&](std::string_view line) { return meant.are_in(line); }),
                      std::back_inserter(traces));
  return traces;
}

}  // namespace everseal::importer
