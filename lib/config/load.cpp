#include "config/load.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "base/shell.h"
#include "base/text.h"
#include "config/toml.h"
#include "pki/digest.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::config {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLargest = std::size_t{16} << 20;
constexpr std::string_view kSystemConfig = "/etc/everseal/everseal.toml";

// A program that runs with more rights than its caller takes no directions from the caller's environment.
bool environment_is_ours() { return geteuid() == getuid() && getegid() == getgid(); }

std::optional<std::string> variable(const char* name) {
  if (!environment_is_ours()) return std::nullopt;
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<std::string> home() {
  if (!environment_is_ours()) return std::nullopt;
  if (auto from_variable = variable("HOME")) return from_variable;
  const passwd* const user = getpwuid(geteuid());
  if (user == nullptr || user->pw_dir == nullptr || *user->pw_dir == '\0') return std::nullopt;
  return user->pw_dir;
}

std::optional<std::string> own_config() {
  const auto directory = home();
  if (!directory) return std::nullopt;
  return absolute(*directory + "/.config/everseal/everseal.toml");
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

// `init`: what makes the file that is named so.
std::string require_exists(const std::string& path, std::string_view said_by, const std::string& init) {
  if (exists(path)) return absolute(path);
  const bool is_missing = errno == ENOENT;
  const Error error =
      base::errno_error("open", fmt::format("the config {} that {} names", base::printable(path), said_by));
  throw Error(Fault::config, error.message(),
              is_missing ? fmt::format("is that the file that is meant? `{}` writes a commented one there", init)
                         : std::string("nothing can be made there: name another file"));
}

void check_owner(const struct stat& status, const std::string& path) {
  if (geteuid() != 0) return;
  constexpr std::string_view hint = "as root, Everseal obeys only files that root alone can change";
  if (status.st_uid != 0)
    throw Error(Fault::config, fmt::format("{} does not belong to root", base::printable(path)),
                fmt::format("chown root {}; {}", base::printable(path), hint));
  if ((status.st_mode & 022) != 0)
    throw Error(Fault::config, fmt::format("{} is writable by others than its owner", base::printable(path)),
                fmt::format("chmod go-w {}; {}", base::printable(path), hint));
}

Source read_one(int directory, const std::string& name, std::string path) {
  // Without O_NONBLOCK a FIFO would be waited for.
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  base::FileDescriptor file(openat(directory, name.c_str(), flags | O_NOFOLLOW));
  const bool is_link = file.get() < 0 && errno == ELOOP;
  if (is_link) file = base::FileDescriptor(openat(directory, name.c_str(), flags));
  if (file.get() < 0) {
    const Error error = base::errno_error("read", base::printable(path));
    throw Error(Fault::config, error.message(), error.hint());
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw base::errno_error("look at", base::printable(path));
  if (!S_ISREG(status.st_mode))
    throw Error(Fault::config, fmt::format("{} is not a regular file", base::printable(path)));
  check_owner(status, path);
  // Of a link the whole way is judged: whoever may write on it chooses the file.
  if (is_link && geteuid() == 0) base::require_trusted(path);
  if (static_cast<std::uint64_t>(status.st_size) > kLargest)
    throw Error(Fault::config, fmt::format("{} is larger than {} MiB", base::printable(path), kLargest >> 20),
                "split it into files of conf.d");

  // One octet more than there is, so that one call shows the end.
  const auto size = static_cast<std::size_t>(status.st_size);
  Source source{std::move(path), std::string(size + 1, '\0')};
  std::size_t length = 0;
  while (length < size) {
    const ssize_t count = ::read(file.get(), source.text.data() + length, source.text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw base::errno_error("read", base::printable(source.path));
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  if (length != size)
    throw Error(Fault::config, fmt::format("{} changed while it was read", base::printable(source.path)),
                "run the same command again");
  source.text.resize(size);
  return source;
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};

std::vector<std::string> list_fragments(const std::unique_ptr<DIR, CloseDirectory>& directory,
                                        const std::string& path) {
  if (geteuid() == 0) base::require_trusted(path);
  std::vector<std::string> names;
  for (errno = 0; const dirent* const entry = readdir(directory.get()); errno = 0) {
    std::string name = entry->d_name;
    if (!name.starts_with('.') && name.ends_with(".toml")) names.push_back(std::move(name));
  }
  if (errno != 0) throw base::errno_error("read the directory", base::printable(path));
  std::ranges::sort(names);
  return names;
}

base::Problem problem_of(const Error& error, const std::string& path) {
  std::string_view message = error.message();
  const std::string name = base::printable(path) + ' ';
  if (message.starts_with(name)) message.remove_prefix(name.size());
  return {{path, 0}, {}, std::string(message), error.hint()};
}

// `unread` is told of each file, or of the directory, that cannot be read.
template <class Unread>
void read_fragments(const std::string& path, std::vector<Source>& sources, Unread unread) {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (!directory) {
    if (errno == ENOENT) return;
    const Error error = base::errno_error("read the directory", base::printable(path));
    return unread(path + '/', Error(Fault::config, error.message(), error.hint()));
  }
  std::vector<std::string> names;
  try {
    names = list_fragments(directory, path);
  } catch (const Error& error) {
    return unread(path + '/', error);
  }
  sources.reserve(sources.size() + names.size());
  for (const std::string& name : names) {
    const std::string file = path + '/' + name;
    try {
      sources.push_back(read_one(dirfd(directory.get()), name, file));
    } catch (const Error& error) {
      unread(file, error);
    }
  }
}

template <class Unread>
std::vector<Source> read_all(const Files& files, Unread unread) {
  std::vector<Source> sources;
  if (files.main) {
    const std::string path = absolute(*files.main);
    try {
      if (geteuid() == 0) base::require_trusted(path);
      sources.push_back(read_one(AT_FDCWD, path, path));
    } catch (const Error& error) {
      unread(path, error);
    }
  }
  if (!files.fragments.empty()) read_fragments(files.fragments, sources, unread);
  return sources;
}

// What stands before the first table's header: the only place where a key of the root can be.
std::string_view root_keys(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = text.find_first_not_of(" \t", at);
    if (first == std::string_view::npos) break;
    if (text[first] == '[') return text.substr(0, at);
    const auto end = text.find('\n', first);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return text;
}

std::optional<std::string> state_in(const Source& source) {
  const std::string_view keys = root_keys(source.text);
  if (keys.find("state") == std::string_view::npos) return std::nullopt;
  base::Problems ignored;
  const auto table = read_toml({source.path, std::string(keys)}, ignored);
  const base::Value* const value = table ? base::find(*table, "state") : nullptr;
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(&value->data);
  if (text == nullptr || text->empty()) return std::nullopt;
  return resolve_state(*text, value->origin);
}

}  // namespace

std::string absolute(const std::string& path) {
  if (is_url(path)) return path;
  if (path.empty()) throw base::Error(base::Fault::usage, "a path is empty");
  return std::filesystem::absolute(path).lexically_normal().string();
}

std::string resolve_state(const std::string& text, const base::Origin& origin) {
  return is_url(text) ? text : base::resolve_path(text, origin);
}

std::optional<std::string> find_main(const std::optional<std::string>& given) {
  if (given)
    return require_exists(*given, "--config", fmt::format("everseal init --config {}", base::shell_word(*given)));
  if (const auto named = variable("EVERSEAL_CONFIG"))
    return require_exists(*named, "$EVERSEAL_CONFIG", "everseal init");
  if (exists(std::string(kSystemConfig))) return std::string(kSystemConfig);
  if (const auto own = own_config(); own && exists(*own)) return own;
  return std::nullopt;
}

std::optional<std::string> place_of_main(const std::optional<std::string>& given,
                                         const std::optional<std::string>& state) {
  if (given) return absolute(*given);
  if (const auto named = variable("EVERSEAL_CONFIG")) return absolute(*named);
  if (auto found = find_main({})) return found;
  if (state || variable("EVERSEAL_STATE")) return std::nullopt;
  return geteuid() == 0 ? std::string(kSystemConfig) : own_config();
}

std::string default_state(const std::optional<std::string>& configured, const std::optional<std::string>& main) {
  if (const auto named = variable("EVERSEAL_STATE")) return absolute(*named);
  if (configured) return *configured;
  struct stat status {};
  // Whoever reads root's config means root's certificates, and no second set of them.
  const bool is_roots = main && stat(main->c_str(), &status) == 0 && status.st_uid == 0;
  if (geteuid() == 0 || is_roots) return "/var/lib/everseal";
  if (const auto directory = home()) return absolute(*directory + "/.local/share/everseal");
  throw Error(Fault::config, "no home directory to keep the state in", "say where with --state");
}

Files files(const std::optional<std::string>& main, const std::string& state) {
  if (main) return {main, (std::filesystem::path(absolute(*main)).parent_path() / "conf.d").string()};
  return {std::nullopt, fragments_of(state)};
}

std::string fragments_of(const std::string& state) {
  return is_url(state) ? std::string() : absolute(state) + "/conf.d";
}

std::string to_string(const Files& files) {
  if (files.main)
    return base::printable(files.fragments.empty() ? *files.main : *files.main + " and " + files.fragments);
  return base::printable(files.fragments.empty() ? "no file" : files.fragments + ", and no config file");
}

base::Problems not_read(const Files& files, const std::string& state) {
  base::Problems problems;
  const std::string own = fragments_of(state);
  std::error_code ignored;
  if (own.empty() || own == files.fragments || std::filesystem::equivalent(own, files.fragments, ignored))
    return problems;
  std::vector<Source> sources;
  const auto add = [&](const std::string& path) {
    problems.push_back({{path, 0},
                        {},
                        fmt::format("is not read: the config is {}", to_string(files)),
                        fmt::format("move it into {}, or away", base::printable(files.fragments))});
  };
  read_fragments(own, sources, [&](const std::string& path, const Error&) { add(path); });
  for (const Source& source : sources) add(source.path);
  std::ranges::sort(problems, {}, [](const base::Problem& one) { return one.origin.file; });
  return problems;
}

std::vector<Source> read(const Files& files) {
  return read_all(files, [](const std::string&, const Error& error) { throw error; });
}

Sources read_each(const Files& files) {
  Sources sources;
  sources.files = read_all(files, [&](const std::string& path, const Error& error) {
    sources.unread.emplace(path, problem_of(error, path));
  });
  return sources;
}

std::string digest(const Kinds& kinds) {
  std::string text;
  for (const auto* const family : {&kinds.issuer, &kinds.deploy, &kinds.challenge, &kinds.dns}) {
    for (const KindOptions& kind : *family) {
      fmt::format_to(std::back_inserter(text), "{}\n", kind.name);
      for (const base::Option& option : kind.options)
        fmt::format_to(std::back_inserter(text), " {} {} {}\n", option.name, to_string(option.type), option.fallback);
    }
    text += '\n';
  }
  for (const Name& name : kinds.known_authorities) text += name.text() + '\n';
  return base::hex(pki::sha256(base::as_bytes(text)));
}

std::string digest(const std::vector<Source>& sources) {
  base::Bytes digests;
  digests.reserve(sources.size() * 64);
  for (const Source& source : sources) {
    for (const std::string* const text : {&source.path, &source.text}) {
      const pki::Sha256 one = pki::sha256(base::as_bytes(*text));
      digests.insert(digests.end(), one.begin(), one.end());
    }
  }
  return base::hex(pki::sha256(digests));
}

std::optional<std::string> state_of(const std::vector<Source>& sources) {
  for (const Source& source : sources)
    if (auto state = state_in(source)) return state;
  return std::nullopt;
}

}  // namespace everseal::config
