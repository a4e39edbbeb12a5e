import { describe } from 'vitest';
import { registryContract } from '../contract/registry.contract.js';
import { registryRequestsContract } from '../contract/registry-requests.contract.js';
import { brokerAddress } from '../support/brokers/with-broker.js';

const address = brokerAddress('registry');

describe.skipIf(address === undefined)('Apicurio', () => {
  registryContract('Apicurio', () => address ?? '');
  registryRequestsContract('Apicurio', () => address ?? '');
});
