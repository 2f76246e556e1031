#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::command {

/// A folder for messages as clients would get them. Nothing that is there is overwritten.
class ResultFolder {
 public:
  /// Characters of a file's name that are kept.
  static constexpr std::size_t kMaxName = 100;
  /// Files of the same name that get a number of their own.
  static constexpr int kMaxSame = 10'000;

  /// A message on its way into the folder. One that is not finished leaves nothing behind.
  class File {
   public:
    File() = default;
    File(File&& other) noexcept;
    File& operator=(File&& other) noexcept;
    ~File();

    [[nodiscard]] Result<void> write(std::string_view text);
    /// It is complete: gives it its name, and says it.
    [[nodiscard]] Result<std::string> finish();

   private:
    friend class ResultFolder;
    std::string path_;  // as it is called until it is complete
    std::string wanted_;
    UniqueFd file_;
  };

  /// Makes the folder if it is not there; the one above must be.
  [[nodiscard]] static Result<ResultFolder> open(std::string path);

  /// For the message of a file called `name`, or the `number`-th of that mbox if that is not 0.
  [[nodiscard]] Result<File> begin(std::string_view name, std::uint64_t number) const;

  /// "a b/../c.eml" as "a_b_.._c": letters, digits and a few signs, no "." in front; without
  /// ".eml".
  [[nodiscard]] static std::string safe_name(std::string_view name);

 private:
  explicit ResultFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace gatepost::command
