import { serve } from '../ws-host/index.js';

serve({
  text(client, message) {
    client.send(message);
  },

  binary(client, message) {
    client.send(message);
  },
});
