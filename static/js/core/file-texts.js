/**
 * Every sentence about files that are chosen and sent. A catalogue of its own, as nobody needs it before they send one.
 */
export const fileTexts = {
  // What becomes of a transfer.
  broke: "The file does not get through: it breaks off again and again. Try again where the network is better.",
  unreadable: "The file was changed or removed since it was chosen. Edit the message to choose it again.",
  gone: "The server has forgotten what was sent of the file. Try again.",
  unusable: "The server cannot show this picture. It can be sent as a file.",
  diskFull: "The server has no space left for files. Try again later, or ask who runs it.",
  tooMuchForProxy: "Something between here and the server takes no files, however small the parts. Ask who runs this chat.",
  lost: (name) => `The page was closed before “${name}” was sent, and the browser could not keep it. Edit the message to choose it again.`,
  unkept: (name) => `This browser cannot keep “${name}”: leave this page open until it is sent.`,
};
