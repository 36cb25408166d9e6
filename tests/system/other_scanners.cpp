#include "system/other_scanners.h"

#include "system/program.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {

std::string disagreement(const Agreement& expected, const std::string& name, int port, const std::string& root_file,
                         const std::string& scratch_file) {
  std::string why;
  std::filesystem::remove(scratch_file);
  Words argv{"testssl", "--warnings", "off",       "--quiet",  "--color", "0",          "--nodns",
             "none",    "--ip",       "127.0.0.1", "--add-ca", root_file, "--jsonfile", scratch_file};
  argv.insert(argv.end(), expected.tests.begin(), expected.tests.end());
  argv.push_back(fmt::format("{}:{}", name, port));
  const base::Exit exit = run(std::move(argv));
  const Json report = Json::parse(read_text(scratch_file), nullptr, false);
  if (!report.is_array()) return "testssl.sh was not done:\n" + transcript(exit);
  std::string said = "nothing";
  for (const Json& one : report)
    if (one.at("id") == expected.id) said = one.at("finding").get<std::string>();
  if (!said.starts_with(expected.finding))
    why = fmt::format("testssl.sh says \"{}\" of {}, not \"{}\"", said, expected.id, expected.finding);
  if (expected.sslscan.empty()) return why;
  const std::string scan =
      run({"sslscan", "--no-colour", "--sni-name=" + name, "--xml=-", fmt::format("127.0.0.1:{}", port)}).output;
  if (!contains(scan, expected.sslscan)) why += fmt::format("\nsslscan does not say {}:\n{}", expected.sslscan, scan);
  return why;
}

}  // namespace everseal::system
